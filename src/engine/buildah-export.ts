import { constants, createWriteStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../errors.js'
import { execute, findProgram, type RunOptions, type RunResult } from '../exec.js'
import { formatReference } from '../image/reference.js'
import type { Output } from '../inputs.js'
import { type BuildahSetup, globalArgs, isFiles } from './buildah-args.js'
import type { Image } from './engine.js'

/** Runs Buildah as the account, in the private folder. */
export async function runBuildah(
  { buildah, folder }: BuildahSetup,
  args: readonly string[],
  options: Partial<RunOptions>,
): Promise<RunResult> {
  return await execute([...folder.account.prefix, buildah.path, ...args], {
    env: folder.env,
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
  if (output.type === 'local') {
    const tar = await findProgram('tar', setup.context.env)
    if (tar === undefined)
      throw new UserError('Input "outputs": type=local needs the program tar.', 'sudo apt-get install tar')
    // Files get the owner of the step, and no setuid bit of the image comes with them.
    const options = ['--no-same-owner', '--no-same-permissions']
    await execute([tar, '--extract', '--file', made, '--directory', dest, ...options], { env: setup.context.env })
  } else {
    await copyPlain(made, dest)
  }
}

/** Copies a file of the account's folder, and nothing that a link in its place would name. */
async function copyPlain(from: string, to: string): Promise<void> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW)
  await pipeline(source.createReadStream(), createWriteStream(to))
}

async function exportArchive(image: Image, transport: string, path: string, setup: BuildahSetup): Promise<void> {
  // An archive that is there already would be added to, or refused.
  await rm(path, { force: true })
  const name = image.references[0]
  const destination = `${transport}:${path}${name === undefined ? '' : `:${formatReference(name)}`}`
  const policy = setup.files.policy === undefined ? [] : ['--signature-policy', setup.files.policy]
  await runBuildah(setup, [...globalArgs(setup), 'push', ...policy, image.id, destination], {})
}

/** By way of an archive: the two storages may belong to different users and be of different drivers. */
export async function loadImage(image: Image, setup: BuildahSetup): Promise<void> {
  const { buildah, context, folder } = setup
  const transport = image.format === 'oci' ? 'oci-archive' : 'docker-archive'
  const archive = join(folder.path, 'out/load.tar')
  await exportArchive(image, transport, archive, setup)
  const { stdout } = await execute([buildah.path, 'pull', '--quiet', `${transport}:${archive}`], { env: context.env })
  const id = stdout.trim().split('\n').at(-1) ?? image.id
  await execute([buildah.path, 'tag', id, ...image.references.map(formatReference)], { env: context.env })
  await rm(archive)
}
