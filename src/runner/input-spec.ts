import type { Env } from '../exec.js'
import type { InputReader } from './input-parsers.js'

/** Parses one input, or several of which this is the first. @throws UserError for an invalid text */
export type Parser<T> = (read: InputReader, input: string, env: Env) => T

/**
 * How far a change of an input reaches: into RUN steps, which the key of each step and the fingerprint of the build then
 * tell; into the image, which the fingerprint tells; or no further than what is done with the image.
 */
export type Effect<T> = EngineAnswers<T> &
  (
    | {
        readonly affects: 'run-steps' | 'image'
        /** The texts that are compared: another text means another build. */
        readonly counts: (value: T) => readonly string[]
      }
    | {
        readonly affects: 'run-steps' | 'image'
        /** What is compared instead: the value that the input resolves to. */
        readonly countsAs: ResolvedPart | 'secrets'
      }
    | { readonly affects: 'nothing' }
  )

/** Parts of a fingerprint that are known when the inputs have been looked up: files are read, names are resolved. */
export type ResolvedPart =
  | 'engine'
  | 'format'
  | 'target'
  | 'platform'
  | 'Dockerfile'
  | 'build arguments'
  | 'labels'
  | 'annotations'
  | 'context'
  | 'build contexts'

/** What engines can't do of an input; absent if every version of Buildah and Docker supports it. */
interface EngineAnswers<T> {
  readonly buildah?: BuildahNeed<T>
  readonly docker?: DockerRefusal<T>
}

export interface BuildahNeed<T> {
  /** First version that can, read in the man pages and sources of the releases: `1.27.0`. */
  readonly since: string
  readonly asks: (value: T) => boolean
}

/** What Docker can't do: it is refused before the build. */
export interface DockerRefusal<T> {
  readonly refusedBy: readonly ('buildx' | 'buildx-docker')[]
  readonly asks: (value: T) => boolean
  /** A text of the input that is refused, for the documentation and the tests. */
  readonly example: string
  /** Why, as the end of a sentence that begins with the builder. */
  readonly why: string
  readonly hint: string
}

/** A row of the table, whatever its value is. */
export type InputSpec = { readonly field: string; readonly parse?: Parser<unknown> } & Effect<never>

/** The row of an input with a parser of its own. */
export function input<const F extends string, T, const E extends Effect<T>>(field: F, parse: Parser<T>, effect: E) {
  return { field, parse, ...effect }
}

/** An input that is read with another one. */
export function partOf<T>(field: 'cache' | 'login' | 'secrets', effect: Effect<T>) {
  return { field, ...effect }
}
