import { accountFor } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { imagetools, type IndexManifest } from './imagetools.js'

/** Platforms that programs find under one reference, each as it says itself: `linux/arm/v7`. */
export interface ReadPlatforms {
  readonly skopeo: readonly string[]
  readonly buildah: readonly string[]
}

interface Labelled {
  readonly os: string
  readonly architecture: string
  readonly variant?: string | undefined
}

/** Asks for each platform, and tells what the image that is given then says it is for. */
export async function readPlatforms(reference: string, platforms: readonly string[]): Promise<ReadPlatforms> {
  const skopeo = platforms.map(async (name) => {
    const [, architecture = '', variant] = name.split('/')
    const which = ['--override-arch', architecture, ...(variant === undefined ? [] : ['--override-variant', variant])]
    const inspect = ['inspect', '--config', '--tls-verify=false', `docker://${reference}`]
    return nameOf(JSON.parse((await run('skopeo', [...which, ...inspect])).toString()) as Labelled)
  })
  const pull = buildahPulls()
  const buildah: string[] = []
  // One after another: they have one storage.
  for (const name of platforms) buildah.push(await pull(reference, name))
  return { skopeo: await Promise.all(skopeo), buildah }
}

/** The entries that Buildx reads of an index, each by its platform. */
export async function readByBuildx(reference: string): Promise<Readonly<Record<string, string>>> {
  const { manifests } = (await imagetools(reference, '.Manifest')) as { readonly manifests: readonly IndexManifest[] }
  return Object.fromEntries(manifests.map(({ platform, digest }) => [nameOf(platform), digest]))
}

function buildahPulls(): (reference: string, platform: string) => Promise<string> {
  const account = accountFor('user')
  const home = makeFolder('pulled', account)
  const storage = ['--root', `${home}/root`, '--runroot', `${home}/run`, '--storage-driver', 'vfs']
  const env = { HOME: home, XDG_RUNTIME_DIR: home, TMPDIR: home }
  const buildah = async (...args: string[]) =>
    (await run('buildah', [...storage, ...args], { account, env })).toString().trim()
  return async (reference, platform) => {
    const id = await buildah('pull', '--quiet', '--tls-verify=false', '--platform', platform, reference)
    const inspected = JSON.parse(await buildah('inspect', '--type', 'image', id)) as { readonly OCIv1: Labelled }
    return nameOf(inspected.OCIv1)
  }
}

function nameOf({ os, architecture, variant = '' }: Labelled): string {
  return [os, architecture, variant].filter((part) => part !== '').join('/')
}
