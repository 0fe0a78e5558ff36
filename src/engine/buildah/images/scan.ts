import { join } from 'node:path'
import { UserError } from '../../../errors.js'
import { objectOf, parseObject, textsOf } from '../../../lib/json.js'
import { withProgress } from '../../../lib/progress.js'
import type { Image, ScanFile } from '../../engine.js'
import { takeFile, writePrivate } from '../../work-dir.js'
import { runBuildah } from '../command.js'
import { modeArgs, networkArgs } from '../find/probe.js'
import { pullOne } from './pulls.js'
import { inspectAllArgs } from '../registries/registry-args.js'
import { type GeneratorConfig, scanDockerfile } from './scan-dockerfile.js'
import { readScanFiles } from './scan-files.js'
import { type BuildahSetup, globalArgs, policyArgs } from '../setup.js'

/** In the folder that Buildah writes to. */
const [DOCKERFILE, ARCHIVE] = ['scan.Dockerfile', 'scan.tar']

/**
 * Runs a generator of SBOMs as a RUN step of a build of its own, with the image mounted: in a sandbox without logins that
 * ends with it, like every step. It is pulled before, for this machine, without a login.
 * @throws UserError where it can't be pulled, or fails
 */
export async function scan(
  image: Image,
  sbom: Parameters<typeof scanDockerfile>[0],
  limit: number,
  setup: BuildahSetup,
): Promise<readonly ScanFile[]> {
  const { generator } = sbom
  const config = await pullGenerator(generator, setup)
  const text = scanDockerfile(sbom, image.id.replace('sha256:', ''), config)
  await writePrivate(setup.folder, join('out', DOCKERFILE), text)
  try {
    await runGenerator(generator, setup)
  } finally {
    // Nothing of it belongs in a storage that stays.
    await runBuildah(setup, [...globalArgs(setup), 'rmi', '--force', generator], {}).catch(() => undefined)
  }
  return await readScanFiles(await takeFile(setup.folder, ARCHIVE), limit, setup.context.env)
}

async function pullGenerator(name: string, setup: BuildahSetup): Promise<GeneratorConfig> {
  const auth = await writePrivate(setup.folder, 'auth/none.json', '{}')
  const withoutLogin = { ...setup, files: { ...setup.files, auth } }
  await pullOne({ name, platform: undefined }, false, withoutLogin).catch((error: unknown) => {
    throw new UserError(
      `Input "sbom": the generator ${name} could not be pulled. Nothing was pushed.`,
      'It is pulled without a login. Check that this machine can reach its registry, or name an image that can be pulled from here: `sbom: generator=ghcr.io/acme/buildkit-syft-scanner:stable-1`.',
      { cause: error },
    )
  })
  const { stdout } = await runBuildah(setup, inspectAllArgs(name, setup), {})
  const { config } = parseObject(String(parseObject(stdout)['Config']))
  const { Entrypoint: entrypoint, Cmd: command, WorkingDir: folder } = objectOf(config)
  const words = [...textsOf(entrypoint), ...textsOf(command)]
  if (words.length > 0) return { words, folder: typeof folder === 'string' && folder !== '' ? folder : '/' }
  throw new UserError(
    `Input "sbom": the generator ${name} has no ENTRYPOINT or CMD. Nothing was pushed.`,
    'Name an image that follows the SBOM protocol of BuildKit: `sbom: generator=docker/buildkit-syft-scanner:stable-1`.',
  )
}

async function runGenerator(generator: string, setup: BuildahSetup): Promise<void> {
  const { buildah, folder, mode } = setup
  const out = join(folder.path, 'out')
  const args = [
    ...[...globalArgs(setup), 'build', '--file', join(out, DOCKERFILE)],
    ...['--layers=false', '--pull=never', '--format', 'oci', ...policyArgs(setup)],
    ...[...modeArgs(mode, buildah.version), ...networkArgs(folder.path, buildah.version)],
    ...['--output', `type=tar,dest=${join(out, ARCHIVE)}`, out],
  ]
  const sandbox = await setup.sandboxes.forBuild()
  const run = () => runBuildah(setup, args, { input: '' }, sandbox)
  try {
    const { stdout } = await withProgress((seconds) => `SBOM: ${Math.round(seconds)} s so far`, run)
    const id = stdout.trimEnd().split('\n').at(-1) ?? ''
    await runBuildah(setup, [...globalArgs(setup), 'rmi', id], {}).catch(() => undefined)
  } catch (error) {
    throw new UserError(
      `Input "sbom": the generator ${generator} failed. Nothing was pushed.`,
      'Look at the last lines that it printed, above. To push without an SBOM, write `sbom: false`.',
      { cause: error },
    )
  } finally {
    await sandbox.close()
  }
}
