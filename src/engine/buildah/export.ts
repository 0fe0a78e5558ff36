import { chmod, copyFile, lstat, mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Context } from '../../runner/context.js'
import { describe, UserError } from '../../errors.js'
import { execute, findProgram, type RunOptions, type RunResult } from '../../exec.js'
import { formatReference } from '../../metadata/reference.js'
import { isFiles, type Output } from '../../runner/output-files.js'
import { info, warn } from '../../log.js'
import { type BuildahSetup, globalArgs, policyArgs } from './setup.js'
import type { Image } from '../engine.js'
import { commandOf } from './install.js'
import type { Sandbox } from './sandbox/session.js'
import { takeFile } from '../work-dir.js'

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
 * @param files archive of the files of the image, where an output asks for them
 */
export async function writeOutput(
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
async function writeArchive(image: Image, type: string, setup: BuildahSetup): Promise<string> {
  const { path } = setup.folder
  const name = `${type}.tar`
  // An archive that is there already would be added to, or refused.
  await rm(join(path, 'out', name), { force: true })
  const reference = image.references[0]
  const named = reference === undefined ? '' : `:${formatReference(reference)}`
  const destination = `${type === 'oci' ? 'oci-archive' : 'docker-archive'}:${join(path, 'out', name)}${named}`
  await runBuildah(setup, [...globalArgs(setup), 'push', ...policyArgs(setup), image.id, destination], {})
  return await takeFile(setup.folder, name)
}

/** To pull, Buildah before netavark makes a folder for networks in the user's configuration, and leaves a lock in it. */
async function withoutTrace<T>({ env, home }: Context, work: () => Promise<T>): Promise<T> {
  const folder = join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'cni')
  const wasThere = await lstat(folder).then(
    () => true,
    () => false,
  )
  const result = await work()
  if (wasThere) return result
  await rm(join(folder, 'net.d/cni.lock'), { force: true })
  // Whatever else lies there by now isn't ours.
  for (const path of [join(folder, 'net.d'), folder]) await rmdir(path).catch(() => undefined)
  return result
}

/**
 * Copies the image to where later steps look for it: to the storage of the user, and to Docker's where a daemon is there.
 * Says where it is then.
 */
export async function loadImage(image: Image, setup: BuildahSetup): Promise<void> {
  const { env } = setup.context
  const [client] = await Promise.all([setup.docker.findDaemon(env), loadForUser(image, setup)])
  const here = 'Load: the image is in the storage of Buildah and Podman'
  if (client === undefined) {
    info(`${here}; no Docker daemon answers`)
    return
  }
  await loadIntoDocker(image, client, setup).then(
    (id) => {
      info(`${here}, and in Docker's storage as ${id}`)
    },
    (error: unknown) => {
      info(here)
      warn(`Load: the image is not in Docker's storage. ${describe(error)}`)
    },
  )
}

/** Docker reads no other archive everywhere than its own. */
async function loadIntoDocker(image: Image, client: string, setup: BuildahSetup): Promise<string> {
  const archive = await writeArchive(image, 'docker', setup)
  try {
    return await setup.docker.loadArchive(client, archive, image.references.map(formatReference), setup.context.env)
  } finally {
    await rm(archive)
  }
}

/** By way of an archive: the two storages may belong to different users and be of different drivers. */
async function loadForUser(image: Image, setup: BuildahSetup): Promise<void> {
  const { buildah, context } = setup
  const archive = await writeArchive(image, image.format, setup)
  const transport = image.format === 'oci' ? 'oci-archive' : 'docker-archive'
  // Root needs no namespace of another.
  const start = context.uid === 0 ? [buildah.path] : commandOf(buildah)
  const pull = [...start, 'pull', '--quiet', ...policyArgs(setup), `${transport}:${archive}`]
  const { stdout } = await withoutTrace(context, () => execute(pull, { env: context.env }))
  const id = stdout.trim().split('\n').at(-1) ?? image.id
  const names = image.references.map(formatReference)
  if (names.length > 0) await execute([...start, 'tag', id, ...names], { env: context.env })
  await rm(archive)
}
