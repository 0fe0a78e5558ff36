import type { Pair } from '../runner/input-parsers.js'
import type { Env } from '../exec.js'
import type { Inputs } from '../runner/inputs.js'
import type { Reference } from '../metadata/reference.js'
import type { Platform } from '../lib/platform.js'
import type { Secret } from '../lib/secret.js'
import type { Source } from '../source/source.js'
import type { OciLayout, ContainersStorage } from '../build-storage.js'
import type { BaseNames } from './base-names.js'
import type { Step } from './progress.js'
import type { OpenProxy, PushedManifest } from './upload-proxy.js'
import type { WorkDir } from './work-dir.js'

/** What is built. */
export interface BuildSpec {
  readonly inputs: Inputs
  readonly source: Source
  readonly format: 'oci' | 'docker'
  /** The names of the image. */
  readonly references: readonly Reference[]
  readonly labels: readonly Pair[]
  /** Empty if the image format has none. */
  readonly annotations: readonly Pair[]
  /** Stages that aren't built again; absent mostly. */
  readonly built?: BuiltStages
}

/** Stages of the Dockerfile that were built before, as images in another storage, to which nothing is written meanwhile. */
export interface BuiltStages {
  /** Absolute path of the storage root. */
  readonly root: string
  readonly images: readonly {
    /** Index of the stage. */
    readonly stage: number
    /** All that COPY calls it: `build`, `0`. */
    readonly calledAs: readonly string[]
    /** `sha256:…` */
    readonly id: string
  }[]
}

/** A build as an engine gets it: what to build, and what it may reuse. */
export interface BuildRequest extends BuildSpec {
  /** The base images, as far as they are known before the build. */
  readonly images: readonly BaseImage[]
  /** Gets every step that was started, once the build has ended, successfully or not. */
  readonly onSteps: (steps: readonly Step[]) => void
  /** Is told, by an engine that can, that base images are there, and of each step that has ended while the build goes on. */
  readonly onStepEnd?: (() => void) | undefined
  /** Whether steps of earlier builds may be reused, and whether those of this build are kept. */
  readonly cache: { readonly read: boolean; readonly write: boolean }
  /** Whether the storage has all images, and none may be pulled: it would take over layers that have no content there. */
  readonly isComplete?: boolean
}

/** An image that FROM or `--from` names. */
export interface BaseImage {
  /** As written in the Dockerfile, with variables expanded. */
  readonly name: string
  /** `linux/arm64`; undefined for the platform of this machine. */
  readonly platform: string | undefined
}

export interface Image {
  /** `sha256:…` of the image's configuration. */
  readonly id: string
  readonly format: 'oci' | 'docker'
  readonly references: readonly Reference[]
  /** How its layers are compressed when they are pushed; undefined for the engine's own way. */
  readonly compression?: Inputs['compression']
  /** Undefined if the engine doesn't report it. */
  readonly size?: Size | undefined
  /** Digests by which the base images were pulled; undefined if the engine doesn't report them. */
  readonly bases?: readonly string[] | undefined
}

/** How large an image is. */
export interface Size {
  /** Number of layers. */
  readonly layers: number
  /** Total size, uncompressed; undefined if the size of a layer is unknown. */
  readonly bytes: number | undefined
}

export interface Pushed {
  readonly reference: Reference
  /** `sha256:…` of the manifest, as the registry holds it. */
  readonly digest: string
  /** `sha256:…` of the manifest of the image, where that is an index of it and what is attached to it. */
  readonly image?: string
}

/** Identifies an engine. */
export interface EngineFacts {
  readonly name: 'buildah' | 'docker'
  readonly version: string
  /** For people: `Buildah 1.43.2`. */
  readonly label: string
  /** Whether it builds without root. */
  readonly rootless: boolean
}

/** What an engine can tell of a build for what is attached to the image. */
export interface Evidence {
  /** `sha256:…` of the manifests of all images in the storage of the build, by their full names. */
  imageDigests(): Promise<ReadonlyMap<string, string>>
  /**
   * Runs a generator of SBOMs on the files of an image, apart from the runner and without any login.
   * @returns the files that it wrote, of at most so many bytes each
   * @throws UserError where it can't be pulled, or fails
   */
  scan(image: Image, request: ScanRequest, limit: number): Promise<readonly ScanFile[]>
}

/** What a generator of SBOMs is, and what it is shown beside the image. */
export interface ScanRequest extends Pick<NonNullable<Inputs['sbom']>, 'generator' | 'parameters'> {
  /** Whose context it is shown, without what the ignore file leaves out; absent where it isn't. */
  readonly context?: Source | undefined
  readonly stages: readonly {
    /** `build`; a folder can be called so. */
    readonly name: string
    /** Hexadecimal id of its image, or the first characters of it. */
    readonly image: string
  }[]
}

/** What a generator wrote. */
export interface ScanFile {
  /** `sbom.spdx.json`; the generator has chosen it. */
  readonly name: string
  readonly text: string
}

/** Builds and pushes. Differences between engines stay behind this interface. */
export interface Engine extends EngineFacts {
  /** Path of a storage.conf(5) with which other programs find the image; '' if there is none. */
  readonly storageConf: string
  /**
   * Tries a user name and password at the registry, and keeps them for later calls.
   * @param place the registry, or a part of it: `ghcr.io`, `ghcr.io/acme`
   * @throws RegistryError
   */
  login(place: string, username: string, password: Secret): Promise<void>
  build(request: BuildRequest): Promise<Image>
  /** The command line of a build, as a person would type it. Runs nothing. */
  preview(request: BuildRequest): string
  /**
   * Runs the commands of the input `test`, each in a container of the image, as RUN steps run.
   * @param env further environment of the engine's programs
   * @throws UserError for the first that fails
   */
  test(image: Image, inputs: Inputs, env: Env): Promise<void>
  /**
   * Pushes the image under one reference, once.
   * @param env further environment of the engine's programs
   * @throws RegistryError
   */
  push(image: Image, reference: Reference, env?: Env): Promise<Pushed>
  /**
   * Pushes the image into a repository under no tag, once.
   * @param openProxy for an engine that by itself can only push tags
   * @param env further environment of the engine's programs
   * @throws RegistryError
   */
  pushByDigest(image: Image, repository: Reference, openProxy: OpenProxy, env?: Env): Promise<PushedManifest>
  /** Undefined for an engine that makes and pushes what the inputs `provenance` and `sbom` ask for by itself. */
  readonly evidence: Evidence | undefined
  /** Writes the files that the input `outputs` asks for. */
  writeOutputs(image: Image, inputs: Inputs): Promise<void>
  /** Full names of all images in the storage of the build, pulled ones too: `docker.io/library/debian:12`. */
  imageNames(): Promise<ReadonlySet<string>>
  /** Copies the image under all its references into the storage of the user who runs the step. */
  load(image: Image): Promise<void>
  /** Exports the steps of the last build to where the cache saves them from. Called after the push. */
  saveSteps(): Promise<void>
  /** Ends the processes of this engine. */
  close(): Promise<void>
}

/** Differences between engines that the pipeline has to know. */
export interface EngineTraits {
  /** It honours `# syntax=`: the image named there parses the Dockerfile. */
  readonly usesFrontend: boolean
  /** It copies an excluded folder if the ignore file re-includes something in it. */
  readonly keepsExcludedFolders: boolean
  /** In the OCI format it drops the HEALTHCHECK, SHELL and ONBUILD of base images, which only Docker's format can hold. */
  readonly dropsDockerSettings: boolean
  /** It sends credentials only to registries whose `/v2/` endpoint asks for them. */
  readonly needsChallenge: boolean
  /** It pushes from this machine, by the network and the proxies of this process. */
  readonly pushesFromHere: boolean
  /** It prints what the checks of BuildKit find. */
  readonly printsChecks: boolean
}

/** Volumes of base images, by their names. */
export type BaseVolumes = ReadonlyMap<string, readonly string[]>

/** An engine, as far as it is known before anybody knows whether it can build here: enough to compare with earlier builds. */
export interface KnownEngine {
  readonly engine: EngineFacts
  readonly traits: EngineTraits
  /** Environment of its programs. A name without a value in `build-args` takes its value from here. */
  readonly env: Env
  /** Whether an image has a place for annotations that nobody asked for. */
  readonly takesDefaultAnnotations: boolean
  /** Where the engine looks for the images of these names. */
  readonly resolveNames: (names: readonly string[]) => Promise<BaseNames>
  /** Why the names of these images don't identify their content, as a sentence without its full stop. */
  readonly ambiguityOf: (images: readonly string[]) => Promise<string | undefined>
}

/** An engine that was found, and what finds out how it builds here. */
export interface FoundEngine extends KnownEngine {
  /** Whether `ready` has nothing left to find out. */
  readonly isReady: boolean
  /**
   * Finds out how it builds here, by the first question. Where it can't, this may give another engine.
   * @throws UserError when nothing can build here
   */
  readonly ready: () => Promise<ResolvedEngine>
}

/** An engine that can build here, before it knows where its storage is. */
export interface ResolvedEngine extends KnownEngine {
  /** What a cache restores and saves. */
  readonly store: ContainersStorage | OciLayout
  /**
   * Makes the engine probe the file system now; it remembers the result for the build. Probing mounts, and a mount waits
   * for pending writes, which takes long after a cache has been restored. Never rejects.
   */
  readonly prewarm: () => Promise<void>
  /** Whether RUN steps of this platform are run by an emulator, as far as the engine knows. */
  readonly emulates: (platform: Platform) => boolean
  /** What this release is known to build wrongly. */
  readonly knownFaults: {
    /** Whether it loses what RUN changes in volumes of base images, so that those volumes must be known. */
    readonly ofVolumes: boolean
    readonly tell: (
      spec: Pick<BuildSpec, 'inputs' | 'source'>,
      volumes: BaseVolumes,
    ) => { readonly warnings: string[]; readonly notes: string[] }
  }
  /**
   * The same engine for one of several platforms, with a private folder of its own; undefined for one that builds them all
   * at once.
   * @param inputs those of that platform
   */
  readonly forPlatform: ((inputs: Inputs, folder: WorkDir) => Promise<ResolvedEngine>) | undefined
  /** Whether a build can take stages that were built before (`BuildSpec.built`). */
  readonly takesStages: boolean
  /**
   * Writes the private configuration of the engine.
   * @param root absolute path of the storage, or of the folder of steps
   * @param built absolute path of the storage that has stages which were built before
   */
  readonly configure: (root: string, built?: string) => Promise<Engine>
}

/** The storage of Docker's daemon, for images that another engine has built. */
export interface DockerStorage {
  /** Path of Docker's client if a daemon answers at once, else undefined. */
  findDaemon(env: Env): Promise<string | undefined>
  /** Loads a docker-archive under these names. @returns Docker's own id of the image */
  loadArchive(client: string, archive: string, names: readonly string[], env: Env): Promise<string>
}
