import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'

import { parseAuthFile } from '../../src/auth/auth-file.js'
import type { BuildRequest, BuildSpec, Engine, Image, ResolvedEngine } from '../../src/engine/engine.js'
import type { OpenProxy, PushedManifest } from '../../src/engine/upload-proxy.js'
import type { Engines } from '../../src/engine/engines.js'
import type { Step } from '../../src/engine/progress.js'
import { makeWorkDir, privateRoot, type WorkDir } from '../../src/engine/work-dir.js'
import { RegistryError, UserError } from '../../src/errors.js'
import { parseReference, type Reference } from '../../src/metadata/reference.js'
import type { Registries } from '../../src/registry/registries.js'
import type { Context } from '../../src/runner/context.js'
import { findSource } from '../../src/source/source.js'
import { contextOf, inputsOf, logOf } from '../unit/helpers.js'
import { exhaustively, type Test } from './test-set.js'

/** Where an engine is tried. */
export interface EngineWorld {
  readonly engines: Engines
  /** An absolute folder that the account of the build may enter. */
  readonly folder: string
  /** Of the step. */
  readonly context: Partial<Context>
  readonly inputs: Readonly<Record<string, string>>
  /** A registry that takes everything, and one that doesn't answer: what references begin with. */
  readonly host: string
  readonly deafHost: string
  readonly registries: Registries
}

/** In what an engine may differ from the others, so that the pipeline takes neither for granted. */
export interface EngineVariant {
  /** `test`, where the engine is here. */
  readonly test?: Test
  /**
   * Whether it pushes while it builds: then a registry that refuses the image fails the build, which tries again by
   * itself, and `push()` only tells the digest.
   */
  readonly pushesInBuild?: boolean
  /** Whether it can push under no tag, by the digest alone. */
  readonly pushesByDigest?: boolean
}

/** What the pipeline takes for granted of an engine: the real ones have it, and so has the fake of the unit tests. */
export function engineContract(
  open: () => Promise<EngineWorld>,
  { test = it, pushesInBuild = false, pushesByDigest = true }: EngineVariant = {},
): void {
  let world: EngineWorld
  let engine: Engine
  let store: ResolvedEngine['store']
  let workDir: WorkDir

  beforeAll(async () => {
    world = await open()
    await logOf(async () => {
      ;({ engine, store, workDir } = await configure(world))
    })
  })
  afterAll(() => engine.close())

  /** Builds a Dockerfile with a file `hello` beside it. */
  async function build(
    dockerfile: string,
    reference = referenceAt(world.host),
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ image: Image; steps: readonly Step[]; calls: number }> {
    const spec = await specOf({ ...world, inputs: { ...world.inputs, ...more } }, dockerfile, reference)
    let [steps, calls]: [readonly Step[], number] = [[], 0]
    const onSteps = (some: readonly Step[]) => {
      steps = some
      calls += 1
    }
    const outcome: { image?: Image; error?: unknown } = {}
    await logOf(async () => {
      await engine.build(requestOf(spec, onSteps)).then(
        (image) => (outcome.image = image),
        (error: unknown) => (outcome.error = error),
      )
    })
    if (outcome.image === undefined) throw Object.assign(outcome.error as Error, { calls })
    return { image: outcome.image, steps, calls }
  }

  test('has a name, a version and a label that a person reads', () => {
    expect(['buildah', 'docker']).toContain(engine.name)
    expect(engine.label).toContain(engine.version)
  })

  test('gives an image by its configuration, and tells the steps once, with what was there already', async () => {
    const dockerfile = 'FROM scratch\nCOPY hello /first\n'
    const first = await build(dockerfile)
    expect(first.image.id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(first.image.references).toStrictEqual([referenceAt(world.host)])
    expect(first.calls).toBe(1)
    expect(first.steps.find(({ text }) => text.startsWith('COPY'))).toMatchObject({ stage: 0, hit: false })
    const again = await build(dockerfile)
    expect(again.image.id).toBe(first.image.id)
    expect(again.steps.find(({ text }) => text.startsWith('COPY'))).toMatchObject({ stage: 0, hit: true })
  })

  test('tells the steps also of a build that fails, and whose mistake it is', async () => {
    const error = await build('FROM scratch\nCOPY no-such-file /\n').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({ calls: 1 })
  })

  test('names the image of each step where its steps lie in a storage, and none where they lie in a folder', async () => {
    const { steps } = await build('FROM scratch\nCOPY hello /named\n')
    const copy = steps.find(({ text }) => text.startsWith('COPY'))
    expect(copy?.image).toMatch(store.kind === 'root' ? /^[0-9a-f]{11,64}$/ : /^$/)
  })

  test('pushes what the registry then has under the reference, by the digest that it tells', async () => {
    const reference = referenceAt(world.host, randomUUID())
    const { image } = await build('FROM scratch\nCOPY hello /second\n', reference)
    const before = await world.registries.resolve(reference)
    let pushed: unknown
    await logOf(async () => (pushed = await engine.push(image, reference)))
    const there = await world.registries.resolve(reference)
    expect(pushed).toStrictEqual({ reference, digest: there?.digest })
    expect(before).toStrictEqual(pushesInBuild ? there : undefined)
  })

  test('pushes by digest what it would push by a tag, and puts it under none; or says that it can’t', async () => {
    const repository = parseReference(`${world.host}/contract/${randomUUID()}`)
    // What pushes while it builds has to be told then.
    const told = pushesInBuild ? { outputs: 'type=image,push-by-digest=true,push=true' } : {}
    const { image } = await build('FROM scratch\nCOPY hello /by-digest\n', pushesInBuild ? repository : undefined, told)
    const openProxy: OpenProxy = (asked, layers) => world.registries.openProxy(asked, layers)
    if (!pushesByDigest) {
      await expect(engine.pushByDigest(image, repository, openProxy)).rejects.toThrow('pushes nothing by its digest')
      return
    }
    let there: PushedManifest | undefined
    await logOf(async () => (there = await engine.pushByDigest(image, repository, openProxy)))
    const [reference] = image.references
    if (there === undefined || reference === undefined) throw new Error('nothing was pushed')
    await expect(world.registries.resolve({ ...repository, digest: there.digest })).resolves.toStrictEqual(there)
    await expect(world.registries.resolve({ ...repository, tag: 'latest' })).resolves.toBeUndefined()
    if (pushesInBuild) return
    await logOf(() => engine.push(image, reference))
    await expect(world.registries.resolve(reference)).resolves.toMatchObject({ digest: there.digest })
  })

  // Pauses between attempts take some ten seconds.
  const patiently = pushesInBuild ? exhaustively(test) : test
  patiently('says of a registry that doesn’t answer that it is the registry', async () => {
    const reference = referenceAt(world.deafHost)
    const buildAndPush = async () => {
      const { image } = await build('FROM scratch\nCOPY hello /third\n', reference)
      await engine.push(image, reference)
    }
    await expect(buildAndPush()).rejects.toBeInstanceOf(RegistryError)
  })

  test('shows its command, and names the Dockerfile in it', async () => {
    const spec = await specOf(world, 'FROM scratch\nCOPY hello /\n', referenceAt(world.host))
    expect(engine.preview(requestOf(spec, () => undefined))).toContain('Dockerfile')
    expect(workDir.path).toMatch(/^\//)
  })
}

async function configure(
  world: EngineWorld,
): Promise<{ engine: Engine; store: ResolvedEngine['store']; workDir: WorkDir }> {
  const spec = await specOf(world, 'FROM scratch\nCOPY hello /\n', referenceAt(world.host))
  const context = contextIn(world)
  const workDir = await makeWorkDir(await world.engines.chooseBuildUser(spec.inputs, context), context)
  const request = {
    ...spec,
    context,
    folder: workDir,
    logins: parseAuthFile('{}', '/auth.json'),
    insecure: [world.host, world.deafHost],
  }
  const resolved = await (await world.engines.find(request, () => undefined)).ready()
  return { engine: await resolved.configure(privateRoot(workDir.path)), store: resolved.store, workDir }
}

function contextIn({ folder, context }: EngineWorld): Context {
  mkdirSync(join(folder, 'temp'), { recursive: true })
  return contextOf({ workspace: join(folder, 'workspace'), temp: join(folder, 'temp'), ...context })
}

function referenceAt(host: string, name = 'web'): Reference {
  return parseReference(`${host}/contract/${name}:1`)
}

async function specOf(
  { folder, inputs: given }: EngineWorld,
  dockerfile: string,
  reference: Reference,
): Promise<BuildSpec> {
  const workspace = join(folder, 'workspace')
  mkdirSync(workspace, { recursive: true })
  writeFileSync(join(workspace, 'Dockerfile'), dockerfile)
  writeFileSync(join(workspace, 'hello'), 'hello\n')
  const inputs = inputsOf({ 'tls-verify': 'false', ...given })
  const source = await findSource(inputs, workspace)
  return { inputs, source, format: 'oci', references: [reference], labels: [], annotations: [] }
}

function requestOf(spec: BuildSpec, onSteps: BuildRequest['onSteps']): BuildRequest {
  const cache = { read: true, write: true }
  return { ...spec, images: [], onSteps, cache }
}
