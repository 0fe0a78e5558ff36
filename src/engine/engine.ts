import type { Compression } from '../runner/compression-inputs.js'
import type { Pair } from '../runner/input-parsers.js'
import type { RegistryError } from '../errors.js'
import type { Env } from '../exec.js'
import type { Inputs } from '../runner/inputs.js'
import type { Reference } from '../metadata/reference.js'
import type { Platform } from '../lib/platform.js'
import type { Secret } from '../lib/secret.js'
import type { Source } from '../source/source.js'
import type { OciLayout, ContainersStorage } from '../build-storage.js'
import type { BaseNames } from './base-names.js'
import type { Step } from './progress.js'
import type { WorkDir } from './work-dir.js'

/** What is built. */
export interface BuildSpec {
  readonly inputs: Inputs
  readonly source: Source
  readonly format: 'oci' | 'docker'
  /** What the image is called. */
  readonly references: readonly Reference[]
  readonly labels: readonly Pair[]
  /** Empty where the format has no place for them. */
  readonly annotations: readonly Pair[]
}

/** What an engine is asked to build, and with what. */
export interface BuildRequest extends BuildSpec {
  /** Those that it is made of, as far as they are known. */
  readonly images: readonly BaseImage[]
  /** Gets every step that was begun, when the build has ended in whatever way. */
  readonly onSteps: (steps: readonly Step[]) => void
  /** Repositories that steps are read from and written to, beside the storage. */
  readonly remote: { readonly from: readonly string[]; readonly to: readonly string[] }
  /** Whether steps of earlier builds may be taken, and those of this one kept. */
  readonly cache: { readonly read: boolean; readonly write: boolean }
}

/** An image that FROM or `--from` names. */
export interface BaseImage {
  /** As it is written, with the values of variables. */
  readonly name: string
  /** `linux/arm64`; undefined for that of the machine. */
  readonly platform: string | undefined
}

export interface Image {
  /** `sha256:…` of the image's configuration. */
  readonly id: string
  readonly format: 'oci' | 'docker'
  readonly references: readonly Reference[]
  /** How its layers are compressed on their way; undefined for the engine's own way. */
  readonly compression?: Compression | undefined
  /** Undefined where the engine doesn't tell. */
  readonly size?: Size | undefined
  /** Digests of the images that it was made of, by which they were pulled; undefined where the engine doesn't tell. */
  readonly bases?: readonly string[] | undefined
}

/** How large an image is. */
export interface Size {
  /** How many it has. */
  readonly layers: number
  /** Of them all, not compressed; undefined where not all of them are known. */
  readonly bytes: number | undefined
}

export interface Pushed {
  readonly reference: Reference
  /** `sha256:…` of the manifest, as the registry holds it. */
  readonly digest: string
}

/** A manifest, as a registry has it under its digest. */
export interface PushedManifest {
  /** `sha256:…` */
  readonly digest: string
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** How a layer lies compressed in registries. */
export interface CompressedLayer {
  /** `sha256:…` of its tar archive. */
  readonly diffId: string
  readonly compression: 'gzip' | 'zstd'
  /** `sha256:…` of the blob. */
  readonly digest: string
  /** Of the blob, bytes. */
  readonly size: number
  /** Those that have the blob. */
  readonly repositories: readonly Reference[]
}

/** A registry on loopback, without TLS, that stands in for one repository and puts every manifest there by its digest. */
export interface UploadProxy {
  /** `127.0.0.1:23456` */
  readonly host: string
  readonly username: string
  readonly password: Secret
  /** What it has put last, with its bytes; undefined where it has put nothing. */
  readonly manifest: () => (PushedManifest & { readonly bytes: Buffer }) | undefined
  /** Why there was no answer to what was asked last; undefined where there was one. */
  readonly failure: () => RegistryError | undefined
  close(): Promise<void>
}

/** Opens a proxy of a repository. @param layers that needn't be sent where their blobs are in the registry already */
export type OpenProxy = (repository: Reference, layers: readonly CompressedLayer[]) => Promise<UploadProxy>

/** What builds, by its name. */
export interface EngineFacts {
  readonly name: 'buildah' | 'docker'
  readonly version: string
  /** What it is, for a person: `Buildah 1.43.2`. */
  readonly label: string
  /** Whether what it builds is built without root. */
  readonly rootless: boolean
}

/** What builds and pushes. Everything that differs between engines stays behind this. */
export interface Engine extends EngineFacts {
  /** Path of a storage.conf(5) by which other programs find the image where it was built; '' where there is none. */
  readonly storageConf: string
  /**
   * Tries user and password at the registry and keeps them for what follows.
   * @throws RegistryError
   */
  login(registry: string, username: string, password: Secret): Promise<void>
  build(request: BuildRequest): Promise<Image>
  /** The command line of a build, as a person would type it; nothing is done. */
  preview(request: BuildRequest): string
  /**
   * Runs the commands of the input `test`, each in a container of the image, as RUN steps run.
   * @throws UserError for the first that fails
   */
  test(image: Image, inputs: Inputs): Promise<void>
  /**
   * Pushes the image under one reference, once.
   * @throws RegistryError
   */
  push(image: Image, reference: Reference): Promise<Pushed>
  /**
   * Pushes the image into a repository under no tag, once.
   * @param openProxy for an engine that by itself can only push tags
   * @throws RegistryError
   */
  pushByDigest(image: Image, repository: Reference, openProxy: OpenProxy): Promise<PushedManifest>
  /** Writes the files that the input `outputs` asks for. */
  writeOutputs(image: Image, inputs: Inputs): Promise<void>
  /** Full names of all images in the storage of the build, pulled ones too: `docker.io/library/debian:12`. */
  imageNames(): Promise<ReadonlySet<string>>
  /** Copies the image under all its references into the storage of the user who runs the step. */
  load(image: Image): Promise<void>
  /** Puts the steps of the last build where the cache keeps them from, after the push. */
  saveSteps(): Promise<void>
  /** Ends what runs for it. */
  close(): Promise<void>
}

/** What engines do differently, as far as it changes what is asked of a build or remembered of it. */
export interface EngineTraits {
  /** An image that `# syntax=` names reads the Dockerfile. */
  readonly usesFrontend: boolean
  /** A folder that the ignore file excludes is copied where something in it isn't excluded. */
  readonly keepsExcludedFolders: boolean
  /** What only Docker's format has a place for (HEALTHCHECK, SHELL, ONBUILD) is lost from base images in the OCI format. */
  readonly dropsDockerSettings: boolean
  /** It logs in where `/v2/` asks for a login, and nowhere else. */
  readonly needsChallenge: boolean
  /** It prints what the checks of BuildKit find. */
  readonly printsChecks: boolean
}

/** Volumes of base images, by their names. */
export type BaseVolumes = ReadonlyMap<string, readonly string[]>

/** An engine that can build here, before it is known where what it takes from earlier builds lies. */
export interface ResolvedEngine {
  readonly engine: EngineFacts
  readonly traits: EngineTraits
  /** Of its programs: what a NAME alone in `build-args` has its value from. */
  readonly env: Env
  /** What a cache fills and keeps, as whoever fills it must know it. */
  readonly store: ContainersStorage | OciLayout
  /**
   * Has the engine try out what the file system can, which it remembers for the build. It takes mounts, and each of them
   * waits until everything is written: that is long where a storage has just been filled. Never rejects.
   */
  readonly prewarm: () => Promise<void>
  /** Whether annotations that nobody asked for cost nothing. @param readsRegistry steps come from a registry by the engine itself */
  readonly takesDefaultAnnotations: (readsRegistry: boolean) => boolean
  /** Where the engine looks for the images of these names. */
  readonly resolveNames: (names: readonly string[]) => Promise<BaseNames>
  /** Whether RUN steps of this platform are run by an emulator, as far as the engine knows. */
  readonly emulates: (platform: Platform) => boolean
  /** What this release is known to get wrong of a build. */
  readonly knownFaults: {
    /** Whether volumes of base images are among it. */
    readonly ofVolumes: boolean
    readonly tell: (
      spec: Pick<BuildSpec, 'inputs' | 'source'>,
      volumes: BaseVolumes,
    ) => { readonly warnings: string[]; readonly notes: string[] }
  }
  /** Why the names of these images don't tell what is built with them, as a sentence without its full stop. */
  readonly ambiguityOf: (images: readonly string[]) => Promise<string | undefined>
  /**
   * The same engine for one of several platforms, with a private folder of its own; undefined for one that builds them all
   * at once.
   * @param inputs those of that platform
   */
  readonly forPlatform: ((inputs: Inputs, folder: WorkDir) => Promise<ResolvedEngine>) | undefined
  /** Gives the engine its private configuration. @param root of the storage or the folder of steps, absolute */
  readonly configure: (root: string) => Promise<Engine>
}

/** The storage of Docker's daemon, for whoever has built by something else. */
export interface DockerStorage {
  /** Path of Docker's client, where a daemon answers it at once; undefined where none does. */
  findDaemon(env: Env): Promise<string | undefined>
  /** Loads a docker-archive under these names. @returns Docker's own id of the image */
  loadArchive(client: string, archive: string, names: readonly string[], env: Env): Promise<string>
}
