import { join } from 'node:path'
import { UserError } from '../../../errors.js'
import { withProgress } from '../../../lib/progress.js'
import type { Image, ScanFile, ScanRequest } from '../../engine.js'
import { takeFile, writePrivate } from '../../work-dir.js'
import { ignorePath } from '../build/ignore-file.js'
import { runBuildah } from '../command.js'
import { modeArgs, networkArgs } from '../find/probe.js'
import { pullGenerator } from './pull-generator.js'
import { scanDockerfile } from './scan-dockerfile.js'
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
  request: ScanRequest,
  limit: number,
  setup: BuildahSetup,
): Promise<readonly ScanFile[]> {
  const { generator } = request
  const config = await pullGenerator(generator, setup)
  const text = scanDockerfile(request, image.id.replace('sha256:', ''), config)
  await writePrivate(setup.folder, join('out', DOCKERFILE), text)
  try {
    await runGenerator(request, setup)
  } finally {
    // Nothing of it belongs in a storage that stays.
    await runBuildah(setup, [...globalArgs(setup), 'rmi', '--force', generator], {}).catch(() => undefined)
  }
  return await readScanFiles(await takeFile(setup.folder, ARCHIVE), limit, setup.context.env)
}

async function runGenerator({ generator, context }: ScanRequest, setup: BuildahSetup): Promise<void> {
  const { buildah, folder, mode } = setup
  const out = join(folder.path, 'out')
  const ignore = context === undefined ? undefined : ignorePath(context, folder)
  const args = [
    ...[...globalArgs(setup), 'build', '--file', join(out, DOCKERFILE)],
    ...['--layers=false', '--pull=never', '--format', 'oci', ...policyArgs(setup)],
    ...[...modeArgs(mode, buildah.version), ...networkArgs(folder.path, buildah.version)],
    ...(ignore === undefined ? [] : ['--ignorefile', ignore]),
    ...['--output', `type=tar,dest=${join(out, ARCHIVE)}`, context?.context ?? out],
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
