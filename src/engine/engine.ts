import type { Pair } from '../entries.js'
import { UserError } from '../errors.js'
import type { Inputs } from '../inputs.js'
import type { Reference } from '../image/reference.js'
import type { Secret } from '../secret.js'
import type { Source } from '../source.js'
import type { Step } from './progress.js'

/** What an engine is asked to build. */
export interface BuildRequest {
  readonly inputs: Inputs
  readonly source: Source
  readonly format: 'oci' | 'docker'
  readonly references: readonly Reference[]
  readonly labels: readonly Pair[]
  /** Empty where the format has no place for them. */
  readonly annotations: readonly Pair[]
  /** Gets every step that was begun, when the build has ended in whatever way. */
  readonly onSteps: (steps: readonly Step[]) => void
  /** Repositories that steps are read from and written to, beside the storage. */
  readonly remote: { readonly from: readonly string[]; readonly to: readonly string[] }
}

export interface Image {
  /** `sha256:…` of the image's configuration. */
  readonly id: string
  readonly format: 'oci' | 'docker'
  readonly references: readonly Reference[]
  /** Bytes of its layers, not compressed, the lowest first; undefined where the engine doesn't tell. */
  readonly layers?: readonly (number | undefined)[] | undefined
}

export interface Pushed {
  readonly reference: Reference
  /** `sha256:…` of the manifest, as the registry holds it. */
  readonly digest: string
}

/** A registry didn't take something. */
export class RegistryError extends UserError {
  constructor(
    message: string,
    cure: string | undefined,
    /** It was busy or out of reach, and may take it the next time. */
    readonly passing: boolean,
    options?: ErrorOptions,
  ) {
    super(message, cure, options)
  }
}

/** What builds and pushes. Everything that differs between engines stays behind this. */
export interface Engine {
  readonly name: 'buildah'
  readonly version: string
  /** Whether what it builds is built without root. */
  readonly rootless: boolean
  /**
   * Tries user and password at the registry and keeps them for what follows.
   * @throws RegistryError
   */
  login(registry: string, username: string, password: Secret): Promise<void>
  build(request: BuildRequest): Promise<Image>
  /** The command line of a build, as a person would type it; nothing is done. */
  preview(request: BuildRequest): string
  /**
   * Pushes the image under one reference, once.
   * @throws RegistryError
   */
  push(image: Image, reference: Reference): Promise<Pushed>
  /** Writes the files that the input `outputs` asks for. */
  writeOutputs(image: Image, inputs: Inputs): Promise<void>
  /** Copies the image under all its references into the storage of the user who runs the step. */
  load(image: Image): Promise<void>
}
