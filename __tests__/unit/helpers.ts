import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, jest } from '@jest/globals'
import type { Context } from '../../src/runner/context.js'
import type { InputReader } from '../../src/runner/input-parsers.js'
import { describe as describeError, RegistryError, UserError } from '../../src/errors.js'
import type { Event, NameFacts } from '../../src/runner/event.js'
import type { Env } from '../../src/exec.js'
import { type Inputs, parseInputs } from '../../src/runner/inputs.js'
import { type Analysis, analyze } from '../../src/dockerfile/analysis.js'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { parseReference, repositoryOf } from '../../src/metadata/reference.js'
import { NO_CACHE_REPORT } from '../../src/report/cache-stats.js'
import type { Result } from '../../src/pipeline/result.js'
import { INPUT_NAMES } from '../../src/runner/input-table.js'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A new folder, absolute and without links on its way, gone after the tests of the file. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rib-unit-')))
  folders.push(folder)
  return folder
}

/** Reads inputs from a plain object as the runner would hand them over: '' for what isn't set. */
export function reader(values: Readonly<Record<string, string>>): InputReader {
  return (name) => values[name] ?? ''
}

/** The inputs of a step in which only these are written. A name that the action doesn't read is a mistake of the test. */
export function inputsOf(values: Readonly<Record<string, string>>, env: Env = {}): Inputs {
  const known: readonly string[] = INPUT_NAMES
  const unknown = Object.keys(values).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`the action has no input ${unknown}`)
  return parseInputs(reader(values), env)
}

/** What the text of a Dockerfile says. */
export function analysisOf(text: string, given: Given = {}): Analysis {
  return analyze(parseDockerfile(text), {
    buildArgs: new Map(Object.entries(given.buildArgs ?? {})),
    automatic: new Map(Object.entries(given.automatic ?? {})),
    told: new Map(Object.entries(given.told ?? {})),
    contexts: new Set(given.contexts),
  })
}

interface Given {
  readonly buildArgs?: Readonly<Record<string, string | undefined>>
  readonly automatic?: Readonly<Record<string, string | undefined>>
  readonly told?: Readonly<Record<string, string>>
  readonly contexts?: readonly string[]
}

/** A step in an empty world: nothing of this machine's environment is in it. */
export function contextOf(changes: Partial<Context> = {}): Context {
  return {
    workspace: '/workspace',
    temp: '/temp',
    toolCache: undefined,
    userCache: '/home/me/.cache',
    ephemeral: false,
    uid: 1000,
    gid: 1000,
    home: '/home/me',
    sudoUid: undefined,
    env: {},
    event: eventOf(),
    server: 'https://github.com',
    now: new Date('2026-11-24T12:00:00Z'),
    hasSummary: false,
    artifacts: undefined,
    idTokens: undefined,
    cacheService: undefined,
    cacheMode: undefined,
    serviceEnv: {},
    inPod: false,
    act: false,
    cacheWorker: '/action/dist/cache-worker/index.js',
    buildahManifest: '/action/dist/buildah.json',
    actionRepository: 'https://github.com/acme/action/',
    ...changes,
  }
}

/** A push to the default branch. */
export function eventOf(changes: Partial<Event> = {}): Event {
  return {
    name: 'push',
    ref: 'refs/heads/main',
    baseRef: undefined,
    defaultBranch: 'refs/heads/main',
    fork: false,
    repository: 'acme/web',
    names: namesOf(),
    unique: '1-1-abcdef',
    ...{ run: '1', attempt: '1' },
    ...changes,
  }
}

/** What the event says of the commit `aaaaaaa…` of acme/web. */
export function namesOf(changes: Partial<NameFacts> = {}): NameFacts {
  return {
    sha: 'a'.repeat(40),
    baseRef: undefined,
    defaultBranch: 'main',
    prNumber: undefined,
    prHeadSha: undefined,
    usePrHeadSha: false,
    shortShaLength: '',
    repository: {
      ...{ known: true, name: 'web', description: undefined },
      ...{ url: 'https://github.com/acme/web', license: undefined },
    },
    commitDate: new Date('2026-11-23T10:00:00Z'),
    ...changes,
  }
}

/** What a step comes to that has pushed an image under these references. */
export function resultOf(...names: string[]): Result {
  const references = names.map(parseReference)
  const tagNames = references.map(({ tag = '' }) => tag)
  const digest = `sha256:${'d'.repeat(64)}`
  const json = { tags: names, 'tag-names': tagNames, labels: {}, annotations: [] }
  return {
    metadata: {
      ...{ references, tagNames, version: tagNames[0] ?? '', notes: [], warnings: [] },
      ...{ repositories: references.map(repositoryOf), written: [], bareTags: [], expected: new Set() },
      ...{ labels: new Map([['team', 'web']]), annotations: new Map(), leveled: [], json },
      ofCommit: { labels: new Set(), annotations: new Set(), values: new Map() },
    },
    built: true,
    imageId: `sha256:${'e'.repeat(64)}`,
    pushed: references.map((reference) => ({ reference, digest })),
    engine: { name: 'buildah', version: '1.43.2', label: 'Buildah 1.43.2', rootless: true },
    cache: NO_CACHE_REPORT,
    ...{
      storageConf: '',
      steps: [],
      phases: [],
      verifications: [],
      platforms: [],
      platformDigests: { 'linux/amd64': digest },
    },
  }
}

/** The mistake that the user made, as the code says it. What else is thrown is thrown on. */
export function refusal(run: () => unknown): UserError {
  try {
    run()
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

export async function rejection(promise: Promise<unknown>): Promise<UserError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  return refusal(() => {
    if (outcome !== undefined) throw outcome as Error
  })
}

/** All that could be shown of an error: its text with causes and hint, its stack, its own properties. */
export function everythingOf(error: unknown): string {
  return `${describeError(error)}\n${inspect(error, { depth: 20, showHidden: true })}\n${JSON.stringify(error)}`
}

/** What is written into the log of the step while `run` runs. */
export async function logOf(run: () => unknown): Promise<string> {
  const chunks: Buffer[] = []
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    chunks.push(Buffer.from(chunk))
    return true
  })
  try {
    await run()
  } finally {
    write.mockRestore()
  }
  return Buffer.concat(chunks).toString()
}

/** What comes of it, once all that waits has waited, with fake timers. The log is kept out of the way, and given back. */
export async function settled<T>(start: () => Promise<T>): Promise<{ value?: T; error?: unknown; log: string }> {
  const outcome: { value?: T; error?: unknown } = {}
  const log = await logOf(async () => {
    const promise = start().then(
      (value) => {
        outcome.value = value
      },
      (error: unknown) => {
        outcome.error = error
      },
    )
    await jest.runAllTimersAsync()
    await promise
  })
  return { ...outcome, log }
}

/** What a registry says that may take it the next time, and one that won't. */
export const busy = () => new RegistryError('The registry is busy.', 'Wait.', true)
export const refused = () => new RegistryError('The registry refuses.', 'Ask for rights.', false)
