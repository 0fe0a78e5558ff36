import { join } from 'node:path'
import type { Context } from './context.js'
import { readLogins, withoutRegistry } from './credentials.js'
import { checkReadable } from './engine/access.js'
import { chooseAccount } from './engine/account.js'
import type { BuildRequest, Engine, Image, Pushed } from './engine/engine.js'
import { findEngine, type Found } from './engine/select.js'
import { type Folder, makeFolder, removeSecrets, storageConfPath } from './engine/storage.js'
import { UserError } from './errors.js'
import { chooseFormat, type Format } from './image/format.js'
import {
  formatReference,
  isTag,
  normalizeRegistry,
  parseName,
  parseReference,
  type Reference,
} from './image/reference.js'
import type { Inputs } from './inputs.js'
import { say } from './log.js'
import { persist, pushAll } from './push.js'
import { fetchGitContext, findSource, type GitContext, parseGitContext, type Source } from './source.js'
import type { State } from './state.js'
import { keepWarm, type Opened, lookAtContext, openWarm, type Run, startCache } from './warm.js'
import type { CacheReport } from './report/cache-stats.js'
import type { Step } from './engine/progress.js'

/** What the step did. */
export interface Result {
  readonly imageId: string
  readonly references: readonly Reference[]
  readonly pushed: readonly Pushed[]
  readonly engine: { readonly name: string; readonly version: string; readonly rootless: boolean }
  readonly cache: CacheReport
  /** Path of a storage.conf(5) by which later steps find the image where it was built. */
  readonly storageConf: string
}

/**
 * The whole pass, from inputs to a pushed image.
 * @param remember gets what `post` must know, as soon as it is so; what it got before stays
 * @throws UserError for what the user can cure
 */
export async function run(
  inputs: Inputs,
  context: Context,
  remember: (state: Partial<State>) => void,
): Promise<Result> {
  const references = chooseReferences(inputs)
  const registry = loginRegistry(inputs, references)
  const git = parseGitContext(inputs.context)
  const local = git === undefined ? await prepare(inputs, context.workspace) : undefined

  const account = await chooseAccount(inputs, context)
  const folder = await makeFolder(account, context)
  remember({ folder: folder.path })
  const request = { inputs, context, folder, references }
  const started = await startCache(request)
  remember({ desk: started.desk })
  try {
    const prepared = local ?? (await prepare(inputs, context.workspace, await fetchInto(git, folder)))
    await checkReadable(prepared.source, account, context)
    const looking = lookAtContext(started, prepared.source)
    const found = await prepareEngine({ ...request, source: prepared.source, registry }, remember)
    const format = prepared.format.format
    const opened = await openWarm(
      started,
      request,
      { source: prepared.source, format, copied: await looking },
      found.store,
    )
    const engine = await found.configure(opened.warm.root)
    await login(engine, inputs, registry)
    const asked = { inputs, source: prepared.source, format, references, remote: opened.remote }
    const { image, pushed, cache } = await buildAndKeep(engine, asked, opened, remember)
    await engine.writeOutputs(image, inputs)
    if (inputs.load) await engine.load(image)
    const { name, version, rootless } = engine
    const storageConf = storageConfPath(folder.path)
    return { imageId: image.id, references, pushed, engine: { name, version, rootless }, cache, storageConf }
  } finally {
    await Promise.all([removeSecrets(folder.path), started.cache.close()])
  }
}

async function login(engine: Engine, inputs: Inputs, registry: string): Promise<void> {
  if (inputs.login === undefined) return
  const { username, password } = inputs.login
  await persist(`Login to ${registry}`, () => engine.login(registry, username, password))
  say(`Logged in to ${registry} as ${username}`)
}

/** Builds and pushes, and keeps the steps that were finished, also when something of it failed. */
async function buildAndKeep(
  engine: Engine,
  asked: Omit<BuildRequest, 'onSteps'>,
  opened: Opened,
  remember: (state: Partial<State>) => void,
): Promise<{ image: Image; pushed: readonly Pushed[]; cache: CacheReport }> {
  const { references } = asked
  let done: Run = { steps: [], imageId: undefined, references, pushed: [] }
  const onSteps = (steps: readonly Step[]) => {
    done = { ...done, steps }
  }
  const keep = async (failed: boolean) => {
    const { report, later } = await keepWarm(opened, done, failed)
    remember({ later })
    return report
  }
  try {
    const image = await buildFresh(engine, { ...asked, onSteps }, opened, () => done.steps.some(({ hit }) => hit))
    const pushed = asked.inputs.push ? await pushAll(engine, image) : []
    done = { ...done, imageId: image.id, pushed }
    return { image, pushed, cache: await keep(false) }
  } catch (error) {
    await keep(true)
    throw error
  }
}

/** Builds, and once more without the cache where a step of it was taken that stands on another base. */
async function buildFresh(
  engine: Engine,
  request: BuildRequest,
  { warm }: Opened,
  hasHits: () => boolean,
): Promise<Image> {
  const image = await engine.build(request)
  const renewed = hasHits() ? await warm.renewedBases() : []
  if (renewed.length === 0) return image
  say(`Cache: ${renewed.join(', ')} has the layers that it had, and is another image all the same; all is built anew`)
  return await engine.build({ ...request, inputs: { ...request.inputs, noCache: true } })
}

interface Prepared {
  readonly source: Source
  readonly format: Format
}

async function prepare(inputs: Inputs, workspace: string, folder?: string): Promise<Prepared> {
  const source = await findSource(inputs, workspace, folder)
  const format = chooseFormat(inputs.format, source.dockerfile, inputs.annotations.length > 0)
  if (format.reason !== undefined) say(`Format: ${format.reason}`)
  return { source, format }
}

async function fetchInto(git: GitContext | undefined, folder: Folder): Promise<string | undefined> {
  if (git === undefined) return undefined
  say(`Fetching ${git.url} at ${git.ref}`)
  return await fetchGitContext(git, join(folder.path, 'context'), folder.account.prefix, folder.env)
}

interface Preparation {
  readonly inputs: Inputs
  readonly source: Source
  readonly context: Context
  readonly folder: Folder
  readonly references: readonly Reference[]
  readonly registry: string
}

async function prepareEngine(preparation: Preparation, remember: (state: Partial<State>) => void): Promise<Found> {
  const { inputs, context, folder, references, registry } = preparation
  const logins = await readLogins(context)
  const registries = [...new Set(references.map((reference) => reference.registry))]
  const selection = {
    ...preparation,
    logins: inputs.login === undefined ? logins : withoutRegistry(logins, registry),
    insecure: inputs.tlsVerify ? [] : registries,
  }
  return await findEngine(selection, (program) => {
    const { account } = folder
    const unshare = account.uid === 0 ? [] : [...account.prefix, program, 'unshare']
    remember({ unshare, keepStorage: context.ephemeral })
  })
}

/** The registry that the given login is for. */
function loginRegistry(inputs: Inputs, references: readonly Reference[]): string {
  if (inputs.registry !== undefined) return normalizeRegistry(inputs.registry)
  const registries = [...new Set(references.map((reference) => reference.registry))]
  if (inputs.login !== undefined && registries.length > 1) {
    throw new UserError(
      `Input "registry" is missing: the references are in ${registries.join(' and ')}, and "username" and "password" can be for one of them only.`,
      `Write \`registry: ${registries[0] ?? ''}\`, and log in to the others in a step before.`,
    )
  }
  return registries[0] ?? 'docker.io'
}

function chooseReferences({ images, tags, push }: Inputs): Reference[] {
  const names = images.map((text) => fromInput('images', text, parseName))
  const lines = tags.length === 0 ? ['latest'] : tags
  const references = lines.flatMap((line) =>
    isTag(line) ? names.map((name) => ({ ...name, tag: line })) : [fromInput('tags', line, parseFull)],
  )
  const texts = references.map(formatReference)
  const twice = texts.find((text, index) => texts.indexOf(text) < index)
  if (twice !== undefined) {
    throw new UserError(`Input "${tags.length === 0 ? 'images' : 'tags'}": ${twice} is given twice; write it once.`)
  }
  if (push && references.length === 0) {
    throw new UserError(
      'Input "push" is true, and there is nothing to push: neither "images" nor "tags" names an image.',
      'Write `images: docker.io/acme/web`.',
    )
  }
  return references
}

/** A full reference with a tag, or without one for `latest`; what has neither `/` nor `:` was meant as a tag. */
function parseFull(text: string): Reference {
  if (!/[/:@]/.test(text)) {
    throw new UserError(
      `${JSON.stringify(text)} is no tag`,
      'A tag has at most 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two.',
    )
  }
  const reference = parseReference(text)
  if (reference.digest === undefined) return { tag: 'latest', ...reference }
  throw new UserError(
    `${JSON.stringify(text)} has a digest, which only the registry can give`,
    'Leave out @ and what follows.',
  )
}

function fromInput<T>(input: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text)
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Input "${input}": ${error.message}`, error.cure)
    throw error
  }
}
