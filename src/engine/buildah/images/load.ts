import { lstat, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from '../../../errors.js'
import { execute } from '../../../exec.js'
import { info, warn } from '../../../log.js'
import { formatReference } from '../../../metadata/reference.js'
import type { Context } from '../../../runner/context.js'
import type { Image } from '../../engine.js'
import { writeArchive } from './export.js'
import { commandOf } from '../find/install.js'
import { type BuildahSetup, policyArgs } from '../setup.js'

/** Removes the folder with a lock that Buildah before netavark makes in the user's configuration when it pulls. */
async function withoutTrace<T>({ env, home }: Context, work: () => Promise<T>): Promise<T> {
  const folder = join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'cni')
  const wasThere = await lstat(folder).then(
    () => true,
    () => false,
  )
  const result = await work()
  if (wasThere) return result
  await rm(join(folder, 'net.d/cni.lock'), { force: true })
  // Other files in there aren't ours.
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

/** By a docker-archive, the only format that every Docker reads. */
async function loadIntoDocker(image: Image, client: string, setup: BuildahSetup): Promise<string> {
  const archive = await writeArchive(image, 'docker', setup)
  try {
    return await setup.docker.loadArchive(client, archive, image.references.map(formatReference), setup.context.env)
  } finally {
    await rm(archive)
  }
}

/** By an archive: the two storages may belong to different users and have different drivers. */
async function loadForUser(image: Image, setup: BuildahSetup): Promise<void> {
  const { buildah, context } = setup
  const archive = await writeArchive({ ...image, compression: undefined }, image.format, setup)
  const transport = image.format === 'oci' ? 'oci-archive' : 'docker-archive'
  // Root needs no other program to make a namespace.
  const start = context.uid === 0 ? [buildah.path] : commandOf(buildah)
  const pull = [...start, 'pull', '--quiet', ...policyArgs(setup), `${transport}:${archive}`]
  const { stdout } = await withoutTrace(context, () => execute(pull, { env: context.env }))
  const id = stdout.trim().split('\n').at(-1) ?? image.id
  const names = image.references.map(formatReference)
  if (names.length > 0) await execute([...start, 'tag', id, ...names], { env: context.env })
  await rm(archive)
}
