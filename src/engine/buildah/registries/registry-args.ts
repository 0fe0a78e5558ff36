import { formatReference, type Reference } from '../../../metadata/reference.js'
import type { BaseImage, Image } from '../../engine.js'
import { type BuildahSetup, dropInArgs, globalArgs, policyArgs } from '../setup.js'

/** The registry of a place to log in. Pure. */
export function registryIn(place: string): string {
  return place.split('/', 1)[0] ?? place
}

/** The arguments of a login at a registry or a part of it; the password goes to standard input. Pure. */
export function loginArgs(place: string, username: string, auth: string, insecure: readonly string[]): string[] {
  return [
    'login',
    '--authfile',
    auth,
    '--username',
    username,
    '--password-stdin',
    ...tlsArgs(registryIn(place), insecure),
    place,
  ]
}

/** Where an image is pushed to, and by whom. */
export interface Destination {
  readonly reference: Reference
  /** Path of the file with the login. */
  readonly auth: string
  /** Registries that may be spoken to without TLS. */
  readonly insecure: readonly string[]
}

/** The arguments of the push of one reference; pure. */
export function pushArgs(
  image: Image,
  { reference, auth, insecure }: Destination,
  digestFile: string,
  setup: Pick<BuildahSetup, 'folder' | 'mode' | 'root' | 'files'>,
): string[] {
  return [
    ...globalArgs(setup),
    ...['push', '--authfile', auth, '--format', image.format === 'oci' ? 'oci' : 'v2s2', '--digestfile', digestFile],
    ...tlsArgs(reference.registry, insecure),
    ...compressionArgs(image),
    ...policyArgs(setup),
    image.id,
    `docker://${formatReference(reference)}`,
  ]
}

/** How layers are compressed that a push writes; pure. Without the last one Buildah compresses anew what is asked for. */
export function compressionArgs({ compression }: Pick<Image, 'compression'>): string[] {
  if (compression === undefined) return []
  const { format, level, force } = compression
  const levelArgs = level === undefined ? [] : ['--compression-level', String(level)]
  return ['--compression-format', format, ...levelArgs, `--force-compression=${force}`]
}

/** The arguments that print all that is known of an image in the storage; pure. */
export function inspectAllArgs(name: string, setup: Pick<BuildahSetup, 'folder' | 'mode' | 'root'>): string[] {
  return [...globalArgs(setup), 'inspect', '--type', 'image', name]
}

/** The arguments that pull an image, where the registry has a newer one than the storage; pure. */
export function pullArgs(
  { name, platform }: BaseImage,
  always: boolean,
  setup: Pick<BuildahSetup, 'folder' | 'mode' | 'root' | 'files'>,
): string[] {
  const policy = always ? 'always' : 'ifnewer'
  return [
    ...globalArgs(setup),
    ...dropInArgs(setup),
    ...['pull', '--quiet', '--policy', policy, '--authfile', setup.files.auth],
    ...policyArgs(setup),
    ...(platform === undefined ? [] : ['--platform', platform]),
    name,
  ]
}

function tlsArgs(registry: string, insecure: readonly string[]): string[] {
  return insecure.includes(registry) ? ['--tls-verify=false'] : []
}
