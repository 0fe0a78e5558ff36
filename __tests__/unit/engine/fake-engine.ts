import { UserError } from '../../../src/errors.js'
import { stepsOf, targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { exactly, resolveAll } from '../../../src/engine/base-names.js'
import type { BuildUser } from '../../../src/engine/build-user.js'
import type {
  BuildRequest,
  BuildSpec,
  Engine,
  EngineFacts,
  EngineTraits,
  ResolvedEngine,
  ScanFile,
} from '../../../src/engine/engine.js'
import type { EngineRequest, Engines } from '../../../src/engine/engines.js'
import type { Step } from '../../../src/engine/progress.js'
import { formatReference, parseReference, type Reference } from '../../../src/metadata/reference.js'
import { digestLike } from '../../../src/registry/manifest.js'
import { type FakeRegistries, fakeRegistries } from '../registry/fake-registries.js'

/** What a fake engine does otherwise than well, and where it leaves its traces. */
export interface FakeEngineOptions {
  /** What it was asked, in order: `find`, `login host`, `build`, `push host/name:tag`, `save`, `load`, `close` … */
  readonly events?: string[]
  readonly registries?: FakeRegistries
  readonly traits?: Partial<EngineTraits>
  /** What it comes to when it is looked for, builds, or pushes this reference. */
  readonly find?: () => Promise<void>
  /** What it comes to when it finds out how it builds here; it may turn out to be another engine. */
  readonly ready?: () => Promise<Partial<EngineFacts>>
  /** Is told when it is configured. */
  readonly configure?: () => void
  readonly build?: (request: BuildRequest) => Promise<void>
  readonly test?: () => Promise<void>
  readonly push?: (reference: Reference) => Promise<void>
  readonly login?: () => Promise<void>
  readonly load?: () => Promise<void>
  readonly saveSteps?: () => Promise<void>
  readonly scan?: () => Promise<readonly ScanFile[]>
  readonly takesStages?: boolean
  /** Whether the base images add a step to each stage. */
  readonly onbuild?: boolean
  /** Whether a build takes all its steps from those of earlier runs. */
  readonly hits?: boolean
}

export const FAKE_FACTS: EngineFacts = { name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true }

const TRAITS: EngineTraits = {
  usesFrontend: false,
  keepsExcludedFolders: false,
  dropsDockerSettings: false,
  needsChallenge: false,
  pushesFromHere: true,
  printsChecks: false,
}

export function fakeTraits(changes: Partial<EngineTraits> = {}): EngineTraits {
  return { ...TRAITS, ...changes }
}

/** An engine in memory: an image is its Dockerfile and what is asked of it. Held to the real ones by `engineContract()`. */
export function fakeEngine(options: FakeEngineOptions = {}): Engine {
  const { events = [], registries = fakeRegistries(), hits = false } = options
  const images = new Map<string, object>()
  const done = new Set<string>()
  return {
    ...FAKE_FACTS,
    storageConf: '/folder/storage.conf',
    async login(registry, username) {
      events.push(`login ${registry} ${username}`)
      await options.login?.()
    },
    async build(request) {
      events.push(request.inputs.noCache ? 'build without cache' : 'build')
      const isHit = (text: string) => hits || (request.cache.read && done.has(text))
      const all = stepsIn(request, isHit)
      const steps = options.onbuild === true ? all.map((step) => ({ ...step, of: (step.of ?? 0) + 1 })) : all
      try {
        refuseMissing(request)
        await options.build?.(request)
      } catch (error) {
        request.onSteps(steps.slice(0, -1))
        throw error
      }
      request.onSteps(steps)
      for (const { text } of steps) done.add(text)
      const config = configOf(request)
      const id = digestLike(Buffer.from(JSON.stringify(config)))
      images.set(id, config)
      return { id, format: request.format, references: request.references, size: { layers: 1, bytes: 1024 } }
    },
    preview: ({ source }) => `fake build --file ${source.file}`,
    async test(_, { tests }) {
      events.push(...tests.map(({ text }) => `test ${text}`))
      await options.test?.()
    },
    async push({ id }, reference) {
      events.push(`push ${formatReference(reference)}`)
      await options.push?.(reference)
      return { reference, digest: registries.put(reference, images.get(id) ?? {}) }
    },
    async pushByDigest({ id }, repository) {
      events.push(`push ${formatReference(repository)} by digest`)
      await options.push?.(repository)
      return registries.putByDigest(repository, images.get(id) ?? {})
    },
    writeOutputs: (_, { outputs }) => Promise.resolve(void events.push(...outputs.map(({ type }) => `output ${type}`))),
    imageNames: () => Promise.resolve(new Set<string>()),
    evidence: {
      imageDigests: () => Promise.resolve(new Map()),
      async scan(_, { generator }) {
        events.push(`scan by ${generator}`)
        return await (options.scan?.() ?? Promise.resolve([]))
      },
    },
    async load() {
      events.push('load')
      await options.load?.()
    },
    async saveSteps() {
      events.push('save')
      await options.saveSteps?.()
    },
    close: () => Promise.resolve(void events.push('close')),
  }
}

/** Engines of a machine on which the user of the step builds. */
export function fakeEngines(
  options: FakeEngineOptions & { readonly requests?: EngineRequest[]; readonly insecure?: readonly string[] } = {},
): Engines {
  const { events = [], traits = {}, requests = [], insecure = [] } = options
  return {
    chooseBuildUser: (_, { uid, gid, home }) => {
      const user: BuildUser = { name: 'me', uid, gid, home, prefix: [], reason: 'the user who runs the step' }
      return Promise.resolve(user)
    },
    findInsecure: (references) =>
      Promise.resolve(insecure.filter((name) => references.some(({ registry }) => registry === name))),
    async find(request, onProgram) {
      events.push('find')
      requests.push(request)
      onProgram('/usr/bin/buildah')
      await options.find?.()
      const engine = resolved(request, fakeTraits(traits), options)
      const ready = async () => ({ ...engine, engine: { ...engine.engine, ...(await options.ready?.()) } })
      return { ...engine, isReady: false, ready }
    },
  }
}

function resolved(request: EngineRequest, traits: EngineTraits, options: FakeEngineOptions): ResolvedEngine {
  const { folder } = request
  const { events = [] } = options
  return {
    engine: FAKE_FACTS,
    traits,
    env: folder.env,
    store: { kind: 'blobs', layout: 'oci-layout', staysInEngine: false, folder: folder.path },
    prewarm: () => Promise.resolve(void events.push('prewarm')),
    takesDefaultAnnotations: true,
    emulates: () => false,
    resolveNames: (names) =>
      resolveAll(names, [], (name) => {
        const reference = exactly(parseReference(name))
        return { candidates: [{ name: reference, sources: [{ reference, insecure: false }] }] }
      }),
    knownFaults: { ofVolumes: false, tell: () => ({ warnings: [], notes: [] }) },
    ambiguityOf: () => Promise.resolve(undefined),
    takesStages: options.takesStages === true,
    forPlatform: () => Promise.resolve(resolved(request, traits, options)),
    configure: () => {
      options.configure?.()
      return Promise.resolve(fakeEngine(options))
    },
  }
}

/** As BuildKit shows them: every instruction of the stages up to the target. */
function stepsIn({ source: { dockerfile, target } }: BuildSpec, isHit: (text: string) => boolean): Step[] {
  const last = targetIndex(dockerfile, target)
  return dockerfile.stages.slice(0, last + 1).flatMap(({ base, instructions }, stage) =>
    [{ keyword: 'FROM', argument: base }, ...instructions].map(({ keyword, argument }, index) => ({
      stage,
      stages: last + 1,
      index,
      of: instructions.length + 1,
      text: `${keyword} ${argument}`,
      image: index === 0 ? undefined : '',
      hit: index > 0 && isHit(`${keyword} ${argument}`),
      seconds: index === 0 ? 0 : 2,
    })),
  )
}

function refuseMissing({ source: { dockerfile } }: BuildSpec): void {
  if (stepsOf(dockerfile).some(({ argument }) => argument.includes('no-such-file')))
    throw new UserError('Dockerfile line 2: no-such-file is not in the context.', 'Add it.')
}

/** What an image of the request is told by. */
function configOf({ inputs, source, format, labels }: BuildSpec): object {
  const instructions = stepsOf(source.dockerfile).map(({ keyword, argument }) => `${keyword} ${argument}`)
  return { format, instructions, buildArgs: inputs.buildArgs, labels, history: [] }
}
