import { chmod, copyFile, lstat, mkdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../errors.js'
import { execute, findProgram, type RunOptions, type RunResult } from '../exec.js'
import { formatReference } from '../image/reference.js'
import type { Output } from '../inputs.js'
import { type BuildahSetup, globalArgs, isFiles, policyArgs } from './buildah-args.js'
import type { Image } from './engine.js'
import type { Sandbox } from './sandbox/session.js'

/** Runs Buildah as the account, in a sandbox: that for registries, where no other one is named. */
export async function runBuildah(
  { buildah, folder, sandboxes }: BuildahSetup,
  args: readonly string[],
  options: Partial<RunOptions>,
  sandbox?: Sandbox,
): Promise<RunResult> {
  const { enter, env } = sandbox ?? (await sandboxes.forRegistries())
  return await execute([...enter, buildah.path, ...args], {
    env: { ...folder.env, ...env },
    cwd: folder.path,
    ...options,
  })
}

/**
 * Writes one output. Buildah writes into the private folder, as the account; from there the user who runs the step
 * takes it to its place, so that it belongs to that user.
 */
export async function writeOutput(image: Image, output: Output, setup: BuildahSetup): Promise<void> {
  const dest = resolve(setup.context.workspace, output.dest)
  const made = join(setup.folder.path, 'out', isFiles(output) ? 'rootfs.tar' : `${output.type}.tar`)
  if (!isFiles(output))
    await exportArchive(image, output.type === 'oci' ? 'oci-archive' : 'docker-archive', made, setup)
  await mkdir(output.type === 'local' ? dest : dirname(dest), { recursive: true })
  await refuseLink(made)
  if (output.type === 'local') {
    const tar = await findProgram('tar', setup.context.env)
    if (tar === undefined)
      throw new UserError('Input "outputs": type=local needs the program tar.', 'sudo apt-get install tar')
    // Files get the owner of the step, and no setuid bit of the image comes with them.
    const options = ['--no-same-owner', '--no-same-permissions']
    await execute([tar, '--extract', '--file', made, '--directory', dest, ...options], { env: setup.context.env })
  } else {
    await copyFile(made, dest)
    await chmod(dest, 0o644)
  }
}

/** The account, and so a RUN step that got out, could have put a link in the place of what is taken from its folder. */
async function refuseLink(path: string): Promise<void> {
  if (!(await lstat(path)).isFile()) throw new Error(`${path} is no plain file any more; it is not taken from there`)
}

async function exportArchive(image: Image, transport: string, path: string, setup: BuildahSetup): Promise<void> {
  // An archive that is there already would be added to, or refused.
  await rm(path, { force: true })
  const name = image.references[0]
  const destination = `${transport}:${path}${name === undefined ? '' : `:${formatReference(name)}`}`
  await runBuildah(setup, [...globalArgs(setup), 'push', ...policyArgs(setup), image.id, destination], {})
}

/** By way of an archive: the two storages may belong to different users and be of different drivers. */
export async function loadImage(image: Image, setup: BuildahSetup): Promise<void> {
  const { buildah, context, folder } = setup
  const transport = image.format === 'oci' ? 'oci-archive' : 'docker-archive'
  const archive = join(folder.path, 'out/load.tar')
  await exportArchive(image, transport, archive, setup)
  await refuseLink(archive)
  const pull = [buildah.path, 'pull', '--quiet', ...policyArgs(setup), `${transport}:${archive}`]
  const { stdout } = await execute(pull, { env: context.env })
  const id = stdout.trim().split('\n').at(-1) ?? image.id
  const names = image.references.map(formatReference)
  if (names.length > 0) await execute([buildah.path, 'tag', id, ...names], { env: context.env })
  await rm(archive)
}
