import { join } from 'node:path'
import { isFiles } from '../../runner/output-files.js'
import type { Pair } from '../../runner/input-parsers.js'
import { describe } from '../../errors.js'
import { execute, formatCommand } from '../../exec.js'
import { listOf, objectOf, textsOf } from '../../lib/json.js'
import { warn } from '../../log.js'
import type { Source } from '../../source/source.js'
import { buildArgs, type BuildPaths } from './args.js'
import { type BuildahSetup, globalArgs } from './setup.js'
import { inspectArgs, loginArgs } from './registry-args.js'
import { buildApart, isCacheRefusal } from './build.js'
import { loadImage, runBuildah, writeOutput } from './export.js'
import { dockerfilePath } from './dockerfile-copy.js'
import { explain, refusal } from './failures.js'
import type { BuildRequest, Engine, EngineFacts, Image } from '../engine.js'
import { ownContexts } from './folder-contexts.js'
import { fetchGitContexts } from './git-contexts.js'
import { sizeOf } from '../image-size.js'
import { ignorePath } from './ignore-file.js'
import { lineUnderWay, type Step } from '../progress.js'
import { openPusher } from './push.js'
import { absoluteKeys } from '../input-paths.js'
import { ownKeys, secretFiles, writeSecrets } from '../secret-files.js'
import { type Buildah, commandOf } from './install.js'
import { testInContainers } from './test-container.js'
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
  const setup = { ...given, hasLogin: (registry: string) => loggedIn.has(registry) || given.hasLogin(registry) }
  const pusher = openPusher(setup, () => isFormatFree)
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
      const ssh = inputs.ssh.map((keys) => absoluteKeys(keys, setup.context.workspace))
      const own = { rootfs: rootfsPath(setup), secrets: secretFiles(inputs, folder), ssh }
      const paths = { ...own, ...handedPaths(source, folder), contexts: inputs.buildContexts }
      return formatCommand([buildah.path, ...buildArgs(request, setup, paths)])
    },

    test: (image, inputs) => testInContainers(image, inputs, setup),

    push: (image, reference) => pusher.push(image, reference),

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
    warn(`Cache: ${remote.to.join(', ')} didn't accept the cache export; continuing without it. ${describe(error)}`)
    const alone = { ...request, remote: { ...remote, to: [] } }
    return await buildApart(alone, setup, paths).catch(async (again: unknown) => {
      throw await failed(again)
    })
  })
  return { ...image, size: await readSize(image, setup) }
}

/** For the eye alone: that it can't be told is no reason to fail. */
async function readSize({ id }: Image, setup: BuildahSetup): Promise<Image['size']> {
  return await runBuildah(setup, inspectArgs(id, setup), {}).then(
    ({ stdout }) => sizeOf(stdout),
    () => undefined,
  )
}

/** Of what `buildah images --json` prints. */
function namesIn(text: string): ReadonlySet<string> {
  return new Set(listOf(JSON.parse(text)).flatMap((image) => textsOf(objectOf(image)['names'])))
}

function handedPaths(source: Source, folder: WorkDir): Pick<BuildPaths, 'file' | 'ignore'> {
  return { file: dockerfilePath(source, folder), ignore: ignorePath(source, folder) }
}

function rootfsPath({ folder }: BuildahSetup): string {
  return join(folder.path, 'out', ROOTFS)
}
