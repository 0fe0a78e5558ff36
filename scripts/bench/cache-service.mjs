import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError } from '../demo/machine.mjs'
import { ownEnvironment, repository } from '../demo/runner.mjs'
import { runWell } from './child.mjs'

const harness = join(repository, '__tests__/harness')

/** What a request to the service waits, in ms, and the bytes per second that its blob store gives in each direction. */
export const line = { latency: 30, bandwidth: 100_000_000 }

/**
 * Starts the tests' cache service, empty.
 * @param {string} folder where it keeps its archives
 */
export async function startService(folder) {
  fs.mkdirSync(folder, { recursive: true })
  const service = await withTemporaryFolder(folder, async () =>
    (await loadHarness('cache-service')).startCacheService(line),
  )
  return {
    environment: service.environment(),
    /** Since the last call: bytes of archives, and calls to the service itself without its blob store. */
    takeTraffic() {
      const { bytesUp, bytesDown, service: calls } = service.counters()
      service.forget()
      return { up: bytesUp, down: bytesDown, calls }
    },
    stop: () => service.stop(),
  }
}

/** Loads a module of the tests' harness. @param {string} name without its extension */
export async function loadHarness(name) {
  try {
    const { loadModule } = await import(join(harness, 'plain-node.mjs'))
    return await loadModule(name)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new DemoError('This measurement needs what the tests need: npm ci')
  }
}

/** The service takes the temporary folder for its archives, and /tmp may be memory. */
async function withTemporaryFolder(folder, start) {
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  try {
    return await start()
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
}

/**
 * Moves one path to the service or back as `actions/cache` does it: with its library, in a process of its own.
 * @param {string} folder for what the library needs meanwhile
 * @param {{save: boolean, paths: string[], key: string, restoreKeys?: string[]}} request
 * @returns {Promise<string | number | undefined>} what the library gives: the key that it found, the new entry's number
 */
export async function transfer(folder, service, request) {
  const answer = join(folder, 'answer.json')
  const temp = join(folder, 'temp')
  fs.mkdirSync(temp, { recursive: true })
  const argv = [process.execPath, join(harness, 'cache-service-client.mjs'), JSON.stringify({ ...request, answer })]
  const own = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_WORKSPACE: folder, RUNNER_TEMP: temp }
  const { lines } = await runWell(argv, { cwd: folder, env: { ...ownEnvironment(), ...own, ...service.environment } })
  const { value, error } = JSON.parse(fs.readFileSync(answer, 'utf8'))
  if (error === undefined && (!request.save || value !== -1)) return value
  const said = lines.map(({ text }) => text).filter((text) => !text.startsWith('::debug'))
  throw new DemoError([`actions/cache did not save ${request.key}: ${error ?? 'it says so below'}`, ...said].join('\n'))
}

/**
 * The keys that such a cache has: one for what was built from these sources. An entry is never written again, so what
 * hasn't changed is found under its own key and not saved, and what has starts from the newest one there is.
 */
export function keysFor(phase) {
  const key = phase === 'changed' ? 'store-of-changed-sources' : 'store-of-sources'
  return { key, restoreKeys: ['store-'] }
}
