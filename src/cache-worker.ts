import { restoreCache, saveCache } from '@actions/cache'
import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import { link, lstat, rename, rm } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Assignment, Message, Outcome, Question } from './cache/backends/entries.js'
import { judge, keepLine, type Reply } from './cache/backends/worker-result.js'
import { completeProxies } from './runner/context.js'
import { describe } from './errors.js'

/** Everything that one operation writes and is answered; several run at a time. */
interface Notes {
  readonly lines: string[]
  readonly replies: Reply[]
  /** What the file that comes may have. */
  readonly maxBytes: number | undefined
}

/** Nothing that the library's patterns take for more than a name, and no way up. */
const PATH = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/
/** Tar counts what it reads in these. */
const RECORD_BYTES = 10_240
const SERVICE = /\/twirp\/|\/_apis\/artifactcache\/caches?\b/

const notes = new AsyncLocalStorage<Notes>()
/** The one behind what `limitArchives()` puts in its place. */
const environment = process.env
/** Whose a request is: its answer comes in the context of whoever used the connection first. */
const owners = new WeakMap<ClientRequest, Notes>()

completeProxies()
limitArchives()
listenToWords()
listenToRequests()
process.on('message', (message: Assignment | Question) => {
  if ('folder' in message) settle(message)
  else void answer(message)
})
// Whoever asked has ended; what this process has started ends as well.
process.once('disconnect', () => process.kill(-process.pid, 'SIGKILL'))

/** The library takes its folders from the environment when it is asked something. */
function settle({ folder }: Assignment): void {
  process.chdir(folder)
  Object.assign(environment, { GITHUB_WORKSPACE: folder, RUNNER_TEMP: folder })
}

async function answer(question: Question): Promise<void> {
  const seen: Notes = { lines: [], replies: [], maxBytes: question.maxBytes }
  send({ id: question.id, ...(await notes.run(seen, () => carryOut(question, seen))) })
}

async function carryOut(question: Question, seen: Notes): Promise<Outcome> {
  const { op, key, path } = question
  try {
    if (!PATH.test(path)) throw new Error(`${JSON.stringify(path)} is not a relative path of a file`)
    // Only plain names are unpacked from an archive, so that none can put a file elsewhere.
    const name = path.replaceAll('/', '-')
    const value = await { fetch, has, store }[op](key, name, path)
    return judge(question, { ...seen, value })
  } catch (error) {
    return judge(question, { ...seen, error: describe(error) })
  }
}

async function fetch(key: string, name: string, path: string): Promise<string | undefined> {
  await rm(name, { force: true })
  // By v1 they make it do what it does by v2 without a length, see below.
  const found = await restoreCache([name], key, undefined, { useAzureSdk: false, concurrentBlobDownloads: false })
  if (found === undefined) return undefined
  const isFile = await lstat(name).then(
    (stats) => stats.isFile(),
    () => false,
  )
  if (!isFile) throw new Error(`the archive of ${found} has no file ${name}`)
  if (name !== path) await rename(name, path)
  return found
}

async function has(key: string, name: string): Promise<string | undefined> {
  return await restoreCache([name], key, undefined, { lookupOnly: true })
}

async function store(key: string, name: string, path: string): Promise<number> {
  if (name === path) return await saveCache([name], key)
  await rm(name, { force: true })
  await link(path, name)
  try {
    return await saveCache([name], key)
  } finally {
    await rm(name)
  }
}

/**
 * Has tar end itself where a file gets larger than it may: an archive of 2 MB can become one of 2 GiB. The library starts
 * tar with a copy of the environment, and each operation has a limit of its own.
 */
function limitArchives(): void {
  const options = process.env['TAR_OPTIONS'] ?? ''
  process.env = new Proxy(process.env, {
    get(target, name) {
      if (name !== 'TAR_OPTIONS') return target[String(name)]
      const { maxBytes } = notes.getStore() ?? {}
      if (maxBytes === undefined) return options
      // A record more for the header of the file, and one for the end of the archive.
      const records = Math.ceil(maxBytes / RECORD_BYTES) + 2
      return `${options} --checkpoint=${records} --checkpoint-action=exec=kill\\ $PPID`
    },
  })
}

/**
 * The library tells what went wrong on standard output alone, and of its tar only that it failed: why, tar says, on standard
 * error, which the library passes on to standard output. Nothing of that is for the log of the step.
 */
function listenToWords(): void {
  process.stdout.write = (chunk: string | Uint8Array) => {
    const seen = notes.getStore()
    for (const line of seen === undefined ? [] : Buffer.from(chunk).toString().split('\n')) {
      const kept = keepLine(line)
      if (kept !== undefined) seen?.lines.push(kept)
    }
    return true
  }
}

function listenToRequests(): void {
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { request: ClientRequest }
    const seen = notes.getStore()
    if (seen !== undefined) owners.set(request, seen)
    if (isService(request)) send('request')
  })
  subscribe('http.client.response.finish', (message) => {
    const { request, response } = message as { request: ClientRequest; response: IncomingMessage }
    owners
      .get(request)
      ?.replies.push({ from: isService(request) ? 'service' : 'blob', status: response.statusCode ?? 0 })
    // By v2 the library insists on Azure's client, which holds 128 MiB of an archive at a time, twice. Of an archive
    // whose length it isn't told it makes one stream into a file.
    if (request.method === 'HEAD') delete response.headers['content-length']
  })
}

function isService({ method, path }: ClientRequest): boolean {
  return SERVICE.test(path) && method !== 'PATCH'
}

function send(message: Message): void {
  if (process.connected) process.send?.(message)
}
