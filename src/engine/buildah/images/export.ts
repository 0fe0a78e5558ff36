import { chmod, copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../../../errors.js'
import { execute, findProgram } from '../../../exec.js'
import { formatReference } from '../../../metadata/reference.js'
import type { Inputs } from '../../../runner/inputs.js'
import { isFiles, type Output } from '../../../runner/output-files.js'
import { ROOTFS } from '../build/build-files.js'
import { runBuildah } from '../command.js'
import { compressionArgs } from '../registries/registry-args.js'
import { type BuildahSetup, globalArgs, policyArgs } from '../setup.js'
import type { Image } from '../../engine.js'
import { takeFile } from '../../work-dir.js'

/** Writes what the input `outputs` asks for. */
export async function writeOutputs(image: Image, { outputs }: Inputs, setup: BuildahSetup): Promise<void> {
  const files = outputs.some(isFiles) ? await takeFile(setup.folder, ROOTFS) : undefined
  for (const output of outputs) await writeOutput(image, output, setup, files)
}

/**
 * Writes one output. Buildah writes into the private folder, as the account; from there the user who runs the step
 * takes it to its place, so that it belongs to that user.
 * @param files archive of the files of the image, where an output asks for them
 */
async function writeOutput(
  image: Image,
  output: Output,
  setup: BuildahSetup,
  files: string | undefined,
): Promise<void> {
  const dest = resolve(setup.context.workspace, output.dest)
  const archive = isFiles(output) && files !== undefined ? files : await writeArchive(image, output.type, setup)
  await mkdir(output.type === 'local' ? dest : dirname(dest), { recursive: true })
  if (output.type === 'local') {
    const tar = await findProgram('tar', setup.context.env)
    if (tar === undefined)
      throw new UserError('Input "outputs": type=local needs the program tar.', 'sudo apt-get install tar')
    // Files get the owner of the step, and no setuid bit of the image comes with them.
    const options = ['--no-same-owner', '--no-same-permissions']
    await execute([tar, '--extract', '--file', archive, '--directory', dest, ...options], { env: setup.context.env })
  } else {
    await copyFile(archive, dest)
    await chmod(dest, 0o644)
  }
}

/** Writes the image into an archive, and returns where it lies. */
export async function writeArchive(image: Image, type: string, setup: BuildahSetup): Promise<string> {
  const { path } = setup.folder
  const name = `${type}.tar`
  // Buildah would append to an existing archive, or refuse it.
  await rm(join(path, 'out', name), { force: true })
  const reference = image.references[0]
  const named = reference === undefined ? '' : `:${formatReference(reference)}`
  const destination = `${type === 'oci' ? 'oci-archive' : 'docker-archive'}:${join(path, 'out', name)}${named}`
  // Docker's archive has its layers as they are.
  const compressed = type === 'oci' ? compressionArgs(image) : []
  const args = [...globalArgs(setup), 'push', ...compressed, ...policyArgs(setup), image.id, destination]
  await runBuildah(setup, args, {})
  return await takeFile(setup.folder, name)
}
