import { tmpdir } from 'node:os'
import type { Env } from './exec.js'

/** Where and as whom the step runs: what the runner tells by its environment, read once. */
export interface Context {
  /** Absolute path of the checked-out repository. */
  readonly workspace: string
  /** Absolute path of a folder that the runner empties after the job. */
  readonly temp: string
  /** Absolute path of a folder that stays on the machine, where the runner names one. */
  readonly toolCache: string | undefined
  /** Absolute path of the cache folder of the user, for what is remembered of a machine. */
  readonly userCache: string
  /** True on a machine that is thrown away after the job, so that nothing large need be deleted. */
  readonly ephemeral: boolean
  readonly uid: number
  readonly gid: number
  readonly home: string
  /** The account that called sudo, where the step was started so. */
  readonly sudoUid: number | undefined
  /** The environment for programs: the step's own, without inputs, state and the runner's tokens. */
  readonly env: Env
}

/** Reads the context of the step from `environment`. Never throws: what is missing gets a usable default. */
export function readContext(environment: NodeJS.ProcessEnv = process.env): Context {
  const home = environment['HOME'] ?? '/'
  const sudoUid = Number(environment['SUDO_UID'] ?? '')
  return {
    workspace: environment['GITHUB_WORKSPACE'] ?? process.cwd(),
    temp: environment['RUNNER_TEMP'] ?? tmpdir(),
    toolCache: environment['RUNNER_TOOL_CACHE'],
    userCache: environment['XDG_CACHE_HOME'] ?? `${home}/.cache`,
    ephemeral: environment['RUNNER_ENVIRONMENT'] === 'github-hosted',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    home,
    sudoUid: Number.isInteger(sudoUid) && sudoUid > 0 ? sudoUid : undefined,
    env: programEnvironment(environment),
  }
}

/**
 * What programs get to see: inputs (passwords among them), state and the runner's own tokens (ACTIONS_RUNTIME_TOKEN,
 * ACTIONS_ID_TOKEN_REQUEST_TOKEN, ACTIONS_RESULTS_URL …) stay with the action.
 */
export function programEnvironment(environment: NodeJS.ProcessEnv): Env {
  const kept = Object.entries(environment).filter(([name]) => !/^(INPUT|STATE|ACTIONS)_/.test(name))
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
