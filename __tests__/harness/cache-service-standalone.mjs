/**
 * The cache service for whoever runs in plain Node. As a program it serves until its standard input ends, and prints the
 * environment of a job:
 *
 *   node __tests__/harness/cache-service-standalone.mjs '{"latency":30,"bandwidth":100000000}'
 */
import { fileURLToPath } from 'node:url'

import { loadModule } from './plain-node.mjs'

/**
 * @param {import('./cache-service.js').CacheServiceOptions} [options]
 * @returns {Promise<import('./cache-service.js').CacheService>}
 */
export async function startCacheService(options) {
  const service = await loadModule('cache-service')
  return await service.startCacheService(options)
}

async function main() {
  const service = await startCacheService(JSON.parse(process.argv[2] ?? '{}'))
  for (const [name, value] of Object.entries(service.environment())) console.log(`${name}=${value}`)
  process.stdin.resume()
  process.stdin.on('end', () => service.stop())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
