import type { SecretFile } from '../secret-files.js'

/** The files of a build, and where it reads and writes its cache. */
export interface BuildPlaces {
  readonly workspace: string
  /** Files that the client writes: the id of the image, and Buildx's account of the build. */
  readonly iid: string
  readonly metadata: string
  /** Folder of what the input `outputs` asks for, until the build has gone well. */
  readonly results: string
  /** Folder that the image is written to as well (OCI image layout); undefined where it isn't. */
  readonly layout?: string | undefined
  readonly secrets: readonly SecretFile[]
  /** The Dockerfile, beside which its ignore file lies. */
  readonly file: string
  /** Where steps are taken from, as `--cache-from` has it, and where they are left. */
  readonly cacheFrom: readonly string[]
  readonly cacheTo: readonly string[]
  /** Whether registries are asked for every base image, whatever the daemon has under its name. */
  readonly pull: boolean
  /** What BuildKit's own checks are told by a build argument. */
  readonly check?: string | undefined
  /** Whether the registries that are pushed to may be spoken to without TLS. */
  readonly insecure: boolean
}
