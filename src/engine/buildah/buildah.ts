import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pair } from '../../runner/input-parsers.js'
import { describe, type Place, RegistryError, UserError } from '../../errors.js'
import { CommandError, execute, formatCommand } from '../../exec.js'
import { withProgress } from '../../lib/progress.js'
import { formatReference, type Reference } from '../../metadata/reference.js'
import { objectOf } from '../../lib/json.js'
import { info, warn } from '../../log.js'
import type { Source } from '../../source/source.js'
import {
  type BuildahSetup,
  buildArgs,
  type BuildPaths,
  globalArgs,
  inspectArgs,
  isFiles,
  loginArgs,
  pushArgs,
} from './args.js'
import { buildApart, isCacheRefusal } from './build.js'
import { loadImage, runBuildah, writeOutput } from './export.js'
import { dockerfilePath } from './dockerfile-copy.js'
import type { BuildRequest, Engine, EngineFacts, Image, Pushed } from '../engine.js'
import { ownContexts } from './folder-contexts.js'
import { fetchGitContexts } from './git-contexts.js'
import { sizeOf } from '../image-size.js'
import { hintFor, isPassing, refusesOci, retriesOfLost, SEE_LOG } from '../error-hints.js'
import { ignorePath } from './ignore-file.js'
import { type Scene, whyNoImage } from '../known-causes.js'
import { hintForMissing, readMissing } from '../copy-not-found.js'
import { lineUnderWay, type Step } from '../progress.js'
import { countBlobs, pushedSoFar } from './push-progress.js'
import { absoluteKeys } from '../input-paths.js'
import { ownKeys, secretFiles, writeSecrets } from '../secret-files.js'
import { type Buildah, commandOf } from './install.js'
import { type WorkDir, storageConfPath, takeFile } from '../work-dir.js'

/** What Buildah writes the files of the image into. */
const ROOTFS = 'rootfs.tar'

/** Which Buildah it is, and as whom it builds. */
export function factsOf({ version }: Buildah, { buildUser }: WorkDir): EngineFacts {
  return { name: 'buildah', label: `Buildah ${version}`, version, rootless: buildUser.uid !== 0 }
}

function asAccount({ buildah, folder }: Pick<BuildahSetup, 'buildah' | 'folder'>): string[] {
  return [...folder.buildUser.prefix, ...commandOf(buildah)]
}

/** Buildah as an engine, with a storage, an auth file and a configuration of its own. */
export function buildahEngine(given: BuildahSetup): Engine {
  const { buildah, folder, insecure, files } = given
  let contexts: Promise<readonly Pair[]> | undefined
  let isFormatFree = false
  const loggedIn = new Set<string>()
  const dockerOnly = new Set<string>()
  const setup = { ...given, hasLogin: (registry: string) => loggedIn.has(registry) || given.hasLogin(registry) }
  return {
    ...factsOf(buildah, folder),
    storageConf: storageConfPath(folder.path),

    async login(registry, username, password) {
      const argv = [...asAccount(given), ...loginArgs(registry, username, files.auth, insecure)]
      const options = { env: folder.env, cwd: folder.path, input: password.reveal() }
      await execute(argv, options).catch((error: unknown) => {
        throw refusal(`Login to ${registry} as ${JSON.stringify(username)} failed`, error, { isLogin: true })
      })
      loggedIn.add(registry)
    },

    async build(asked) {
      // Once, also where it is built a second time.
      contexts ??= fetchGitContexts(asked.inputs, folder, setup.context).then((fetched) =>
        ownContexts(fetched, folder, setup.context.workspace),
      )
      isFormatFree = asked.inputs.format === 'auto' && asked.inputs.annotations.length === 0
      return await build(asked, setup, await contexts)
    },

    preview(request) {
      // The files that secrets would lie in are made for a build alone.
      const { inputs, source } = request
      const ssh = inputs.ssh.map((entry) => absoluteKeys(entry, setup.context.workspace))
      const own = { rootfs: rootfsPath(setup), secrets: secretFiles(inputs, folder), ssh }
      const paths = { ...own, ...handedPaths(source, folder), contexts: inputs.buildContexts }
      return formatCommand([buildah.path, ...buildArgs(request, setup, paths)])
    },

    async push(image, reference) {
      const { registry } = reference
      if (dockerOnly.has(registry)) return await pushOnce({ ...image, format: 'docker' }, reference, setup)
      return await pushOnce(image, reference, setup).catch(async (error: unknown) => {
        if (!isFormatFree || image.format === 'docker' || !isOciRefusal(error)) throw error
        const pushed = await pushOnce({ ...image, format: 'docker' }, reference, setup).catch(() => {
          throw error
        })
        info(`Format: ${registry} takes no OCI manifest, so that it gets the image in Docker's format`)
        dockerOnly.add(registry)
        return pushed
      })
    },

    async writeOutputs(image, inputs) {
      const files = inputs.outputs.some(isFiles) ? await takeFile(folder, ROOTFS) : undefined
      for (const output of inputs.outputs) await writeOutput(image, output, setup, files)
    },

    async imageNames() {
      const { stdout } = await runBuildah(setup, [...globalArgs(setup), 'images', '--json'], {})
      return namesIn(stdout)
    },

    async load(image) {
      await loadImage(image, setup)
    },

    // They lie where the cache keeps them from the moment when they are finished.
    saveSteps: () => Promise.resolve(),

    close: () => setup.sandboxes.close(),
  }
}

/** Builds, and once more without keeping steps in a registry that takes none. */
async function build(asked: BuildRequest, setup: BuildahSetup, contexts: readonly Pair[]): Promise<Image> {
  const { inputs, source, remote } = asked
  const { folder } = setup
  let line: number | undefined
  const onSteps = (steps: readonly Step[]) => {
    line = lineUnderWay(steps, source.dockerfile)
    asked.onSteps(steps)
  }
  const failed = async (error: unknown) =>
    await explain(error, source, line === undefined ? undefined : { file: source.file, line }, setup)
  const [secrets, ssh] = [
    await writeSecrets(inputs, folder, setup.context),
    await ownKeys(inputs, folder, setup.context),
  ]
  const paths = { rootfs: rootfsPath(setup), secrets, ssh, ...handedPaths(source, folder), contexts }
  const request = { ...asked, onSteps }
  const image = await buildApart(request, setup, paths).catch(async (error: unknown) => {
    if (!isCacheRefusal(error) || remote.to.length === 0) throw await failed(error)
    warn(`Cache: ${remote.to.join(', ')} takes no steps, so that none are kept. ${describe(error)}`)
    const alone = { ...request, remote: { ...remote, to: [] } }
    return await buildApart(alone, setup, paths).catch(async (again: unknown) => {
      throw await failed(again)
    })
  })
  return { ...image, size: await readSize(image, setup) }
}

async function pushOnce(image: Image, reference: Reference, setup: BuildahSetup): Promise<Pushed> {
  const name = formatReference(reference)
  // By its place: references can be longer than names of files may be.
  const digestName = `${image.references.indexOf(reference)}.digest`
  const digestFile = join(setup.folder.path, 'out', digestName)
  const seen = countBlobs()
  const { stderr } = await withProgress(
    (seconds) => `Push of ${name}: ${pushedSoFar(image, seen.count(), seconds)}`,
    () => runBuildah(setup, pushArgs(image, reference, digestFile, setup), { onOutput: seen.add }),
  ).catch((error: unknown) => {
    throw refusal(`Push of ${name} failed`, error, { registry: reference.registry, hasLogin: setup.hasLogin })
  })
  for (const line of stderr.match(/^.*retrying in.*$/gm) ?? []) info(`Push of ${name}: ${line}`)
  return { reference, digest: await readDigest(await takeFile(setup.folder, digestName)) }
}

async function explain(
  error: unknown,
  source: Source,
  place: Place | undefined,
  { hasLogin }: BuildahSetup,
): Promise<unknown> {
  if (!(error instanceof CommandError)) return error
  const { argv, output } = error
  const scene = { ...source, hasLogin }
  const pulled = argv.includes('pull') ? argv.at(-1) : undefined
  const ofStage = pulled === undefined ? undefined : whyNoImage(pulled, scene)
  const missing = readMissing(output, source.context)
  const hint = ofStage ?? (await hintForMissing(missing, source)) ?? hintFor(output, scene) ?? SEE_LOG
  return new UserError('The build failed.', hint, { cause: error, place })
}

function refusal(what: string, error: unknown, scene: Scene): unknown {
  if (!(error instanceof CommandError)) return error
  const { output } = error
  const options = { cause: error, retries: retriesOfLost(output) }
  return new RegistryError(`${what}.`, hintFor(output, scene) ?? SEE_LOG, isPassing(output), options)
}

function isOciRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.cause instanceof CommandError && refusesOci(error.cause.output)
}

/** For the eye alone: that it can't be told is no reason to fail. */
async function readSize({ id }: Image, setup: BuildahSetup): Promise<Image['size']> {
  return await runBuildah(setup, inspectArgs(id, setup), {}).then(
    ({ stdout }) => sizeOf(stdout),
    () => undefined,
  )
}

/** Reads a file that Buildah wrote a digest into. It becomes an output of the step, so it must be one. */
async function readDigest(path: string): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  if (!/^sha256:[0-9a-f]{64}$/.test(text))
    throw new Error(`Buildah wrote no digest into ${path}: ${JSON.stringify(text.slice(0, 100))}`)
  return text
}

/** Of what `buildah images --json` prints. */
function namesIn(text: string): ReadonlySet<string> {
  const images: unknown = JSON.parse(text)
  const names = (Array.isArray(images) ? (images as unknown[]) : []).flatMap((image) => {
    const own = objectOf(image)['names']
    return Array.isArray(own) ? (own as unknown[]) : []
  })
  return new Set(names.filter((name) => typeof name === 'string'))
}

function handedPaths(source: Source, folder: WorkDir): Pick<BuildPaths, 'file' | 'ignore'> {
  return { file: dockerfilePath(source, folder), ignore: ignorePath(source, folder) }
}

function rootfsPath({ folder }: BuildahSetup): string {
  return join(folder.path, 'out', ROOTFS)
}
