import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { resolveName } from '../../../src/engine/buildah/registries/registries-conf.js'
import { RegistryError } from '../../../src/errors.js'
import { formatReference, parseReference, type Reference } from '../../../src/metadata/reference.js'
import type { Registries } from '../../../src/registry/registries.js'
import type { BaseNames } from '../../../src/engine/base-names.js'
import { compare } from '../../../src/up-to-date/check.js'
import type { Unchanged } from '../../../src/up-to-date/reuse.js'
import type { ComparisonRequest } from '../../../src/up-to-date/request.js'
import type { JustBuilt } from '../../../src/up-to-date/just-built.js'
import type { Layers } from '../../../src/up-to-date/copied-layers.js'
import type { Inspection } from '../../../src/up-to-date/inspection.js'
import { busy, inputsOf, logOf, refused, temporaryFolder } from '../helpers.js'

const digest = (digit: string) => `sha256:${digit.repeat(64)}`
const IMAGE = 'ghcr.io/acme/web'
/** As on GitHub's Ubuntu images. */
const SEARCH = 'unqualified-search-registries = ["docker.io", "quay.io"]\n'
const HUB = 'docker.io/library/golang:1'
const QUAY = 'quay.io/golang:1'

/** Everything that the comparison asks, without a disk, a registry or an engine. */
interface World {
  readonly inputs?: Readonly<Record<string, string>>
  /** The base image as the Dockerfile names it. */
  readonly base?: string
  readonly doubts?: readonly string[]
  /** Of the image, and which of them name the commit. */
  readonly labels?: Readonly<Record<string, string>>
  readonly ofCommit?: readonly string[]
  /** Of the context; undefined where it can't be read. */
  readonly context?: string | undefined
  /** Manifests in the registries, and what they answer else. */
  readonly there?: Readonly<Record<string, string | RegistryError>>
  readonly ambiguityOf?: string
  readonly isNoteTaken?: boolean
  /** What of the context has changed when the build is over. */
  readonly changed?: string
  /** What the registry has of the image. */
  readonly manifest?: object
  readonly config?: string
  /** What it answers to an upload. */
  readonly uploads?: RegistryError
  /** Blobs that the registry has lost. */
  readonly lost?: readonly string[]
  readonly now?: string
}

/** What was built and pushed. */
interface Outcome {
  readonly pushed?: readonly string[]
  readonly names?: readonly string[]
  readonly steps?: JustBuilt['steps']
  readonly keys?: JustBuilt['keys']
  readonly layers?: Layers
  /** Digests of what it was made of. */
  readonly bases?: JustBuilt['bases']
  /** What the registries hold when the build has ended. */
  readonly there?: World['there']
}

/** The note that the runs of a test leave for one another. */
interface BuildRecordStore {
  text: string | undefined
}

const dockerfile = (base: string) => `FROM ${base}\nCOPY . /srv\n`

async function requestOf(
  world: World,
  note: BuildRecordStore,
  there: Map<string, string | RegistryError>,
): Promise<ComparisonRequest> {
  const { base = HUB, doubts = [], context = 'c', isNoteTaken = true, labels = {}, ofCommit = [] } = world
  const file = join(temporaryFolder(), 'Dockerfile')
  writeFileSync(file, dockerfile(base))
  const resolved = await resolveName([SEARCH], base)
  const candidates = 'unknown' in resolved ? { why: resolved.unknown } : resolved.candidates
  const baseNames: BaseNames = { candidates: new Map([[base, candidates]]), insecure: [], configuration: [SEARCH] }
  const isUnreadable = 'context' in world && world.context === undefined
  const digests = () =>
    isUnreadable ? Promise.reject(new Error('Dockerfile: EACCES')) : Promise.resolve({ context, contexts: new Map() })
  const inspection: Inspection = {
    ...{ images: [base], frontend: undefined, doubts, survey: undefined, files: 3 },
    digests,
    copies: [
      {
        keyword: 'COPY',
        line: 2,
        stage: 0,
        index: 1,
        paths: [],
        isOfContext: true,
        assumed: new Map(),
        files: () => [],
      },
    ],
    ownCopies: [],
    read: () => [{ path: 'a', bytes: 1, target: undefined, isNamed: true }],
    findChanged: () => Promise.resolve(world.changed),
  }
  return {
    inputs: inputsOf({ images: IMAGE, push: 'true', ...world.inputs }),
    now: new Date(world.now ?? '2026-11-24T12:00:00Z'),
    source: { context: '/workspace', file, dockerfile: parseDockerfile(dockerfile(base)), target: undefined },
    ...{ format: 'oci', annotations: [], inspection, baseNames },
    labels: Object.entries(labels).map(([name, value]) => ({ name, value })),
    ofCommit: {
      labels: new Set(ofCommit),
      annotations: new Set(),
      values: new Map(ofCommit.map((name) => [name, labels[name] ?? ''])),
    },
    references: [{ ...parseReference(IMAGE), tag: 'latest' }],
    found: {
      engine: { name: 'buildah', version: '1.33.7', label: 'Buildah 1.33.7', rootless: true },
      traits: {
        usesFrontend: false,
        keepsExcludedFolders: false,
        dropsDockerSettings: true,
        needsChallenge: true,
        pushesFromHere: true,
        printsChecks: false,
      },
      env: {},
      ambiguityOf: () => Promise.resolve(world.ambiguityOf),
    },
    registries: registriesWith(there, world),
    note: {
      read: () => Promise.resolve(note.text),
      write(text) {
        if (isNoteTaken) note.text = text
        return Promise.resolve(isNoteTaken)
      },
    },
    remembered: Promise.resolve(note.text),
  }
}

/** Registries that have these manifests; held to the real client by the end-to-end tests of it. */
function registriesWith(there: Map<string, string | RegistryError>, world: World): Registries {
  const { lost = [], manifest: own, config: text = '{"config":{},"history":[]}', uploads } = world
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const resolve = (reference: Reference): ReturnType<Registries['resolve']> => {
    const found = there.get(formatReference(reference))
    if (found instanceof RegistryError) return Promise.reject(found)
    return Promise.resolve(typeof found === 'string' ? { digest: found, mediaType, size: 2 } : undefined)
  }
  return {
    resolve,
    async fetchManifest(reference) {
      const found = await resolve(reference)
      // Another one has another digest, and isn't what was asked for.
      if (found?.digest !== reference.digest) return undefined
      const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('c') }
      const manifest = own ?? { config, layers: [{ digest: digest('1') }, { digest: digest('2') }] }
      return { ...found, bytes: Buffer.from(JSON.stringify(manifest)) }
    },
    putManifest(reference, manifest) {
      there.set(formatReference(reference), manifest.digest)
      return Promise.resolve()
    },
    mountBlob: () => Promise.resolve(true),
    putBlob: () => (uploads === undefined ? Promise.resolve() : Promise.reject(uploads)),
    fetchBlob: () => Promise.resolve(Buffer.from(text)),
    hasBlob: (_, blob) => Promise.resolve(!lost.includes(blob)),
    hasReferrersApi: () => Promise.resolve(false),
    tryPush: () => Promise.resolve({ asksLate: false }),
    openProxy: () => Promise.reject(new Error('nothing is pushed by digest')),
    openArtifacts() {
      throw new Error('nobody asks for it')
    },
    close: () => undefined,
  }
}

const pushedImage = { [`${IMAGE}@${digest('b')}`]: digest('b') }
const usual = { [HUB]: digest('a') }

/** One run: it compares, and builds where nothing was found. */
async function runOnce(
  world: World,
  note: BuildRecordStore,
  outcome: Outcome = {},
): Promise<{ built: boolean; log: string; found: Unchanged | undefined }> {
  const there = new Map<string, string | RegistryError>(Object.entries({ ...usual, ...pushedImage, ...world.there }))
  const comparison = compare(await requestOf(world, note, there))
  let built = false
  let found: Unchanged | undefined
  const log = await logOf(async () => {
    found = await comparison.find()
    built = found === undefined
    for (const [name, answer] of Object.entries(outcome.there ?? {})) there.set(name, answer)
    const left = {
      list: () => Promise.resolve(outcome.layers ?? layerOf(1)),
      imageNames: () => Promise.resolve(new Set(outcome.names ?? [HUB])),
    }
    const fault = built ? await comparison.check(left) : undefined
    if (built) await comparison.remember({ ...builtWith(outcome), fault })
    comparison.close()
  })
  return { built, log, found }
}

const step = (index: number, text: string) => {
  return { stage: 0, stages: 1, index, of: 2, text, image: '', hit: false, seconds: 0 }
}
/** As an engine without keys shows the Dockerfile. */
const shown = [step(0, `FROM ${HUB}`), step(1, 'COPY . /srv')]

const layerOf = (bytes: number) => {
  return [{ stage: 0, index: 1, entries: [{ path: 'srv/a', kind: 'file', bytes, target: '' }] }] as const
}

function builtWith({ pushed = [IMAGE], steps = shown, keys = [], bases }: Outcome): JustBuilt {
  return {
    imageId: digest('c'),
    pushed: pushed.map((name) => ({ reference: { ...parseReference(name), tag: 'latest' }, digest: digest('b') })),
    ...{ steps, keys, bases, fault: undefined, blobs: undefined },
    counted: [],
  }
}

const CANT_LIST = "can't list the files that its steps added"
const SKIPPED =
  /^Unchanged: reusing the image built at .*; no build input has changed \(\d+ parts compared, .*\)\nTagged .*\n$/

describe('a second run', () => {
  it.each<[what: string, world: World]>([
    ['of an image whose base is named in full', {}],
    ['of a short name, which the first of two registries has', { base: 'golang:1' }],
    [
      'of a short name, which only the second of two registries has',
      { base: 'golang:1', there: { [HUB]: refused(), [QUAY]: digest('d') } },
    ],
    ['of a digest under a short name', { base: `golang@${digest('e')}` }],
  ])('%s skips the build, and says so', async (_, world) => {
    const note: BuildRecordStore = { text: undefined }
    const names = world.there === undefined ? [HUB] : [QUAY]
    expect((await runOnce(world, note, { names })).built).toBe(true)
    const again = await runOnce(world, note)
    expect(again.log).toMatch(SKIPPED)
    expect(again.built).toBe(false)
  })

  it('takes the image of another commit, and knows what it says of its own', async () => {
    const note: BuildRecordStore = { text: undefined }
    const revision = 'org.opencontainers.image.revision'
    const at = (sha: string): World => ({ labels: { [revision]: sha, team: 'web' }, ofCommit: [revision] })
    await runOnce(at('a'), note)
    const again = await runOnce(at('b'), note)
    expect(again.log.split('\n')[1]).toBe('Unchanged: its labels name the commit it was built from: a')
    expect((await runOnce(at('a'), note)).log).toMatch(SKIPPED)
    expect(again.found?.build.said).toStrictEqual(new Map([[revision, 'a']]))
    // The same label in the words of the user is compared, also where it says the same.
    const own = await runOnce({ ...at('a'), ofCommit: [] }, note)
    expect(own.log).toContain('built at 2026-11-24 12:00 UTC with the labels of this run; ')
  })

  it('gives an image other labels, and finds that one afterwards', async () => {
    const note: BuildRecordStore = { text: undefined }
    await runOnce({ labels: { version: 'main' } }, note)
    const tagged = await runOnce({ labels: { version: '1.2.3' } }, note)
    expect(tagged.log).toMatch(
      /^Unchanged: reusing the image built at .* with the labels of this run; no other build input has changed \(\d+ parts compared, .*\)\nTagged .*\n$/,
    )
    const { build, pushed } = tagged.found ?? {}
    expect(pushed?.map(({ reference }) => formatReference(reference))).toStrictEqual([`${IMAGE}:latest`])
    expect(pushed?.[0]?.digest).not.toBe(digest('b'))
    expect(build?.imageId).not.toBe(digest('c'))
    expect(build?.builtAt).toBe(Date.parse('2026-11-24T12:00:00Z'))
    // Each of the two is known by now.
    const made = pushed?.[0]?.digest ?? ''
    const there = { [`${IMAGE}@${made}`]: made }
    for (const version of ['1.2.3', 'main'])
      expect((await runOnce({ labels: { version }, there }, note)).log).toMatch(SKIPPED)
  })

  it.each<[why: string, world: World]>([
    [
      `${IMAGE}@${digest('b')} can't be relabelled: its manifest isn't that of a single image`,
      { manifest: { manifests: [], config: { digest: digest('c') } } },
    ],
    [`${IMAGE}@${digest('b')} can't be relabelled: its configuration can't hold labels`, { config: '{}' }],
    ['The registry is busy. Wait.', { uploads: busy() }],
    [`${IMAGE}@${digest('b')} can't be pulled: the registry has lost ${digest('2')}`, { lost: [digest('2')] }],
  ])('builds where an image can’t be given other labels: %s', async (why, world) => {
    const note: BuildRecordStore = { text: undefined }
    await runOnce({ labels: { version: 'main' } }, note)
    const { built, log } = await runOnce({ labels: { version: '1.2.3' }, ...world }, note)
    expect(built).toBe(true)
    expect(log).toContain(
      `Unchanged: only labels changed since the build of 2026-11-24 12:00 UTC, but its image can't be reused: ${why}\n`,
    )
  })

  it.each<[line: string, second: World, first?: World]>([
    ['not checked; the image is needed here (`push: false`)', { inputs: { push: 'false' } }],
    ['not checked; the image is needed here (`load`, `outputs`)', { inputs: { load: 'true' } }],
    ['not checked; the image is needed here (`load`, `outputs`)', { inputs: { outputs: 'type=oci,dest=web.tar' } }],
    ['not checked; a new build is requested (`no-cache`, `pull`)', { inputs: { 'no-cache': 'true' } }],
    ['not checked; a new build is requested (`no-cache`, `pull`)', { inputs: { pull: 'true' } }],
    ['not checked; ADD brings anything', { doubts: ['ADD brings anything'] }],
    ['not checked; there is no build record yet', {}, { isNoteTaken: false }],
    [
      'not checked; all build records are older than `cache-ttl`',
      { inputs: { 'cache-ttl': '1d' }, now: '2026-11-25T12:00:00Z' },
    ],
    ['no; changed since the build of 2026-11-24 12:00 UTC: context', { context: 'd' }],
    ['no; changed since the build of 2026-11-24 12:00 UTC: base images', { there: { [HUB]: digest('f') } }],
    ['not checked; Dockerfile: EACCES', { context: undefined }],
    ['not checked; the daemon has it', { ambiguityOf: 'the daemon has it' }],
    ['not checked; could not look up a base image: The registry is busy. Wait.', { there: { [HUB]: busy() } }],
    [
      `no build input has changed since the build of 2026-11-24 12:00 UTC, but its image can't be reused: ${IMAGE}@${digest('b')} is no longer in the registry`,
      { there: { [`${IMAGE}@${digest('b')}`]: digest('9') } },
    ],
    ...['c', '2'].map<[string, World]>((blob) => [
      `no build input has changed since the build of 2026-11-24 12:00 UTC, but its image can't be reused: ${IMAGE}@${digest('b')} can't be pulled: the registry has lost ${digest(blob)}`,
      { lost: [digest(blob)] },
    ]),
  ])('says in one line: %s', async (line, second, first = {}) => {
    const note: BuildRecordStore = { text: undefined }
    await runOnce(first, note)
    const again = await runOnce({ isNoteTaken: false, ...second }, note)
    expect(again.built).toBe(true)
    const [said, ...others] = again.log.trimEnd().split('\n')
    expect(said).toBe(`Unchanged: ${line}`)
    expect(others.every((other) => other.startsWith('Unchanged: no build record saved; '))).toBe(true)
  })
})

describe('a build that isn’t remembered', () => {
  const step = { stage: 0, stages: 1, text: 'ONBUILD RUN x', index: 1, of: 2, image: 'a', hit: false, seconds: 1 }

  it.each<[why: string, world: World, outcome: Outcome]>([
    ['no image was pushed', {}, { pushed: [] }],
    ['a base image adds instructions (ONBUILD)', {}, { steps: [step] }],
    ["the engine didn't print its steps, and a base image may add some (ONBUILD)", {}, { steps: [] }],
    [
      "the engine didn't print its steps, and a base image may add some (ONBUILD)",
      {},
      { steps: [{ ...step, index: 0 }], keys: [{ keys: ['a', 'b'], contents: [], added: 0 }] },
    ],
    ['changed during the build: base images', {}, { there: { [HUB]: digest('f') } }],
    ['"src/a" changed during the build', { changed: 'src/a' }, {}],
    ['the context changed during the build', { changed: '' }, {}],
    ['COPY in line 2 added "srv/a", which is not one of the files that were compared', {}, { layers: layerOf(2) }],
    ["can't list the files that its steps added", {}, { layers: { why: CANT_LIST } }],
    ["can't list the files that COPY in line 2 added", {}, { layers: [] }],
    ["this run couldn't write to the cache", { isNoteTaken: false }, {}],
    ['no registry has the image docker.io/library/golang:1', { there: { [HUB]: undefined as never } }, {}],
    [
      `golang:1 was resolved to ${HUB}, but the storage has ${QUAY}`,
      { base: 'golang:1' },
      { names: [QUAY, 'docker.io/library/other:1'] },
    ],
    [
      `golang:1 was resolved to ${HUB}, but the storage has ${HUB} and ${QUAY}`,
      { base: 'golang:1' },
      { names: [QUAY, HUB] },
    ],
    [
      `the engine used the base image ${digest('9')}, which was not looked up`,
      {},
      { bases: [digest('a'), digest('9')] },
    ],
    ['the engine used the base image unknown, which was not looked up', {}, { bases: ['unknown'] }],
    [
      `golang:1 was resolved to ${HUB}, but the storage has neither of its candidates`,
      { base: 'golang:1' },
      { names: [] },
    ],
    ['could not look up a base image: The registry is busy. Wait.', { base: 'golang:1', there: { [HUB]: busy() } }, {}],
  ])('says in one line: %s', async (why, world, outcome) => {
    const note: BuildRecordStore = { text: undefined }
    const { log } = await runOnce(world, note, outcome)
    expect(log).toBe(`Unchanged: not checked; there is no build record yet\nUnchanged: no build record saved; ${why}\n`)
    expect(note.text).toBeUndefined()
  })

  it('is remembered where the engine has used what was looked up', async () => {
    const note: BuildRecordStore = { text: undefined }
    await runOnce({}, note, { bases: [digest('a')] })
    expect(note.text).toBeDefined()
  })

  it('says why also when the engine can’t list its images', async () => {
    const there = new Map(Object.entries({ ...usual, ...pushedImage }))
    const comparison = compare(await requestOf({ base: 'golang:1' }, { text: undefined }, there))
    const imageNames = () => Promise.reject(new Error('buildah images failed'))
    expect(await comparison.check({ list: () => Promise.resolve(layerOf(1)), imageNames })).toBe(
      'buildah images failed',
    )
  })
})
