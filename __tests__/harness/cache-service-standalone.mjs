/**
 * The cache service for whoever runs in plain Node, a benchmark for example: the same code as the tests', with the types
 * taken out when it is loaded. As a program it serves until its standard input ends, and prints the environment of a job:
 *
 *   node __tests__/harness/cache-service-standalone.mjs '{"latency":30,"bandwidth":100000000}'
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

/**
 * @param {import('./cache-service.js').CacheServiceOptions} [options]
 * @returns {Promise<import('./cache-service.js').CacheService>}
 */
export async function startCacheService(options) {
  const folder = mkdtempSync(join(tmpdir(), 'rib-cache-service-code-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    translate('cache-service', folder, new Set())
    const service = await import(pathToFileURL(join(folder, 'cache-service.js')).href)
    return await service.startCacheService(options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes this module as JavaScript into the folder, and all of its neighbours that it imports. */
function translate(name, folder, done) {
  if (done.has(name)) return
  done.add(name)
  const source = readFileSync(join(dirname(fileURLToPath(import.meta.url)), `${name}.ts`), 'utf8')
  const compilerOptions = { target: 'ES2022', module: 'ES2022', verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(source, { compilerOptions })
  writeFileSync(join(folder, `${name}.js`), outputText)
  for (const [, neighbour] of outputText.matchAll(/from '\.\/([^']+)\.js'/g)) translate(neighbour, folder, done)
}

async function main() {
  const service = await startCacheService(JSON.parse(process.argv[2] ?? '{}'))
  for (const [name, value] of Object.entries(service.environment())) console.log(`${name}=${value}`)
  process.stdin.resume()
  process.stdin.on('end', () => service.stop())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
