import type { Context } from '../runner/context.js'
import type { AuthFile } from '../auth/auth-file.js'
import type { Env } from '../exec.js'
import type { Pair } from '../runner/input-parsers.js'
import type { Inputs } from '../runner/inputs.js'
import type { Reference } from '../metadata/reference.js'
import type { Source } from '../source/source.js'
import type { BuildUser } from './build-user.js'
import type { WorkDir } from './work-dir.js'
import type { FoundEngine } from './engine.js'

/** The engines of this machine. */
export interface Engines {
  /** Chooses the account that builds. @throws UserError for an account that can't build */
  chooseBuildUser(inputs: Inputs, context: Context): Promise<BuildUser>
  /**
   * Finds or installs an engine. Whether it can build here is found out when somebody asks it to be ready.
   * @param onProgram gets the path of Buildah as soon as it is known
   * @throws UserError when there is none
   */
  find(request: EngineRequest, onProgram: (path: string) => void): Promise<FoundEngine>
  /**
   * The registries of these references that the engine which is asked for may speak to without TLS by the configuration of
   * the machine. It knows that by itself; whoever speaks to them beside it asks here.
   */
  findInsecure(
    references: readonly Reference[],
    inputs: Pick<Inputs, 'engine' | 'builder'>,
    place: ConfigPlace,
  ): Promise<readonly string[]>
}

/** Where the configuration of an engine is: in whose home, and by which variables. */
export interface ConfigPlace {
  readonly env: Env
  readonly buildUser: Pick<BuildUser, 'home'>
}

/** What an engine is chosen by. */
export interface EngineRequest {
  readonly inputs: Inputs
  readonly source: Source
  readonly context: Context
  readonly folder: WorkDir
  readonly logins: AuthFile
  readonly insecure: readonly string[]
  /** The names of the image. */
  readonly references: readonly Reference[]
  /** The labels of the image. */
  readonly labels: readonly Pair[]
}
