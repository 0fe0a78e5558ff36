import type { Context } from '../runner/context.js'
import type { AuthFile } from '../auth/auth-file.js'
import type { Pair } from '../runner/input-parsers.js'
import type { Inputs } from '../runner/inputs.js'
import type { Reference } from '../metadata/reference.js'
import type { Source } from '../source/source.js'
import type { BuildUser } from './build-user.js'
import type { WorkDir } from './work-dir.js'
import type { ResolvedEngine } from './engine.js'

/** The engines of this machine. */
export interface Engines {
  /** As whom is built. @throws UserError for an account that can't build */
  chooseBuildUser(inputs: Inputs, context: Context): Promise<BuildUser>
  /**
   * Finds or installs the one that builds.
   * @param onProgram gets the path of Buildah as soon as it is known
   * @throws UserError when nothing can build here
   */
  find(request: EngineRequest, onProgram: (path: string) => void): Promise<ResolvedEngine>
}

/** What an engine is chosen for. */
export interface EngineRequest {
  readonly inputs: Inputs
  readonly source: Source
  readonly context: Context
  readonly folder: WorkDir
  readonly logins: AuthFile
  readonly insecure: readonly string[]
  /** What the image is to be called. */
  readonly references: readonly Reference[]
  /** Labels that the image is to have. */
  readonly labels: readonly Pair[]
}
