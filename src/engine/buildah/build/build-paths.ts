import type { Pair } from '../../../runner/input-parsers.js'
import type { SshKeys } from '../../../runner/ssh-keys.js'
import type { SecretFile } from '../../secret-files.js'
import type { BuildahSetup } from '../setup.js'

/** The part of the setup that `buildArgs` needs. */
export type BuildSetup = Pick<BuildahSetup, 'buildah' | 'folder' | 'mode' | 'root' | 'context' | 'files'>

export interface BuildPaths {
  /** The archive of the image's files; undefined where no output asks for one. */
  readonly rootfs: string | undefined
  /** The contexts of the input, with a folder in place of each Git URL. */
  readonly contexts: readonly Pair[]
  readonly secrets: readonly SecretFile[]
  /** Path of the Dockerfile. */
  readonly file: string
  /** The keys of the input, with absolute paths. */
  readonly ssh: readonly SshKeys[]
  /** Path of the ignore file; undefined if there is none. */
  readonly ignore: string | undefined
}
