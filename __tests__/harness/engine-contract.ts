import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'

import { parseAuthFile } from '../../src/auth/auth-file.js'
import type { BuildRequest, BuildSpec, Engine, Image, OpenProxy, PushedManifest } from '../../src/engine/engine.js'
import type { Engines } from '../../src/engine/engines.js'
import type { Step } from '../../src/engine/progress.js'
import { makeWorkDir, privateRoot, type WorkDir } from '../../src/engine/work-dir.js'
import { RegistryError, UserError } from '../../src/errors.js'
import { parseReference } from '../../src/metadata/reference.js'
import type { Registries } from '../../src/registry/registries.js'
import type { Context } from '../../src/runner/context.js'
import { findSource } from '../../src/source/source.js'
import { contextOf, inputsOf, logOf } from '../unit/helpers.js'

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

/** What the pipeline takes for granted of an engine: the real ones have it, and so has the fake of the unit tests. */
export function engineContract(open: () => Promise<EngineWorld>): void {
  let world: EngineWorld
  let engine: Engine
  let workDir: WorkDir

  beforeAll(async () => {
    world = await open()
    await logOf(async () => {
      ;({ engine, workDir } = await configure(world))
    })
  })
  afterAll(() => engine.close())

  /** Builds a Dockerfile with a file `hello` beside it. */
  async function build(dockerfile: string): Promise<{ image: Image; steps: readonly Step[]; calls: number }> {
    const spec = await specOf(world, dockerfile)
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

  it('has a name, a version and a label that a person reads', () => {
    expect(['buildah', 'docker']).toContain(engine.name)
    expect(engine.label).toContain(engine.version)
  })

  it('gives an image by its configuration, and tells the steps once, with what was there already', async () => {
    const dockerfile = 'FROM scratch\nCOPY hello /first\n'
    const first = await build(dockerfile)
    expect(first.image.id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(first.image.references).toStrictEqual([parseReference(`${world.host}/contract/web:1`)])
    expect(first.calls).toBe(1)
    expect(first.steps.find(({ text }) => text.startsWith('COPY'))).toMatchObject({ stage: 0, hit: false })
    const again = await build(dockerfile)
    expect(again.image.id).toBe(first.image.id)
    expect(again.steps.find(({ text }) => text.startsWith('COPY'))).toMatchObject({ stage: 0, hit: true })
  })

  it('tells the steps also of a build that fails, and whose mistake it is', async () => {
    const error = await build('FROM scratch\nCOPY no-such-file /\n').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({ calls: 1 })
  })

  it('pushes what the registry then has under the reference, by the digest that it tells', async () => {
    const { image } = await build('FROM scratch\nCOPY hello /second\n')
    const [reference] = image.references
    if (reference === undefined) throw new Error('it has no reference')
    let pushed: unknown
    await logOf(async () => (pushed = await engine.push(image, reference)))
    const there = await world.registries.resolve(reference)
    expect(pushed).toStrictEqual({ reference, digest: there?.digest })
  })

  it('pushes by digest what it would push by a tag, and puts it under none', async () => {
    const { image } = await build('FROM scratch\nCOPY hello /by-digest\n')
    const repository = parseReference(`${world.host}/contract/untagged`)
    const openProxy: OpenProxy = (asked, layers) => world.registries.openProxy(asked, layers)
    let there: PushedManifest | undefined
    await logOf(async () => (there = await engine.pushByDigest(image, repository, openProxy)))
    const [reference] = image.references
    if (there === undefined || reference === undefined) throw new Error('nothing was pushed')
    await expect(world.registries.resolve({ ...repository, digest: there.digest })).resolves.toStrictEqual(there)
    await expect(world.registries.resolve({ ...repository, tag: 'by-digest' })).resolves.toBeUndefined()
    await logOf(() => engine.push(image, reference))
    await expect(world.registries.resolve(reference)).resolves.toMatchObject({ digest: there.digest })
  })

  it('says of a registry that doesn’t answer that it is the registry', async () => {
    const { image } = await build('FROM scratch\nCOPY hello /third\n')
    const push = engine.push(image, parseReference(`${world.deafHost}/contract/web:1`))
    await expect(push).rejects.toBeInstanceOf(RegistryError)
  })

  it('shows its command, and names the Dockerfile in it', async () => {
    const spec = await specOf(world, 'FROM scratch\nCOPY hello /\n')
    expect(engine.preview(requestOf(spec, () => undefined))).toContain('Dockerfile')
    expect(workDir.path).toMatch(/^\//)
  })
}

async function configure(world: EngineWorld): Promise<{ engine: Engine; workDir: WorkDir }> {
  const spec = await specOf(world, 'FROM scratch\nCOPY hello /\n')
  const context = contextIn(world)
  const workDir = await makeWorkDir(await world.engines.chooseBuildUser(spec.inputs, context), context)
  const request = {
    ...spec,
    context,
    folder: workDir,
    logins: parseAuthFile('{}', '/auth.json'),
    insecure: [world.host, world.deafHost],
  }
  const resolved = await world.engines.find(request, () => undefined)
  return { engine: await resolved.configure(privateRoot(workDir.path)), workDir }
}

function contextIn({ folder, context }: EngineWorld): Context {
  mkdirSync(join(folder, 'temp'), { recursive: true })
  return contextOf({ workspace: join(folder, 'workspace'), temp: join(folder, 'temp'), ...context })
}

async function specOf({ folder, host, inputs: given }: EngineWorld, dockerfile: string): Promise<BuildSpec> {
  const workspace = join(folder, 'workspace')
  mkdirSync(workspace, { recursive: true })
  writeFileSync(join(workspace, 'Dockerfile'), dockerfile)
  writeFileSync(join(workspace, 'hello'), 'hello\n')
  const inputs = inputsOf({ 'tls-verify': 'false', ...given })
  const source = await findSource(inputs, workspace)
  const references = [parseReference(`${host}/contract/web:1`)]
  return { inputs, source, format: 'oci', references, labels: [], annotations: [] }
}

function requestOf(spec: BuildSpec, onSteps: BuildRequest['onSteps']): BuildRequest {
  const cache = { read: true, write: true }
  return { ...spec, images: [], onSteps, remote: { from: [], to: [] }, cache }
}
