import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Account, accountFor, testsAreRoot } from './account.js'
import { run } from './command.js'
import { type Files, listFolder, makeFolder, makeWorkspace } from './folders.js'
import { processesWith } from './processes.js'
import { githubRegistriesConf } from './registries-conf.js'
import { parseCommandFile, repository } from './runner-files.js'
import { commandFiles, stepEnvironment } from './step-environment.js'
import { type Signal, type WatchedResult, watchNode } from './watched-program.js'

export interface StepOptions {
  /** Named as in action.yml; the others get their defaults. */
  readonly inputs: Readonly<Record<string, string>>
  /** Whose step it is. Default `user`, as on GitHub's own machines. */
  readonly as?: 'root' | 'user'
  /** The checkout: its files, or a folder that is there (`makeWorkspace`). Default, an empty one. */
  readonly workspace?: Files | string
  /** Put over the environment of the step; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly toolCache?: string
  /** The manifest of the action's own Buildah. Default, one without any, so that no step asks for a release of this action. */
  readonly ownBuildah?: string
  /** A folder that PATH begins with. */
  readonly path?: string
  readonly home?: string
  readonly event?: { readonly name: string; readonly payload: object }
  /** The Node that runs both scripts. Default, that of the tests. */
  readonly node?: string
  /** `main` leaves `post` away, as a machine that dies does. */
  readonly only?: 'main'
  /** Sent to main. */
  readonly signal?: Signal
  /** A command line that both scripts run behind and that becomes the account (see surroundings.ts). Takes root. */
  readonly within?: (account: Account) => readonly string[]
  /** Default 5 minutes; then the step is killed and the test fails. */
  readonly limitMilliseconds?: number
}

/** What is known after the step; the log is as it was written, `::add-mask::` lines included. */
export interface StepResult extends WatchedResult {
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
  readonly post: WatchedResult | undefined
  readonly workspace: string
  readonly temp: string
  /** All that is below RUNNER_TEMP in the end. */
  readonly leftInTemp: readonly string[]
  /** Processes of this step that ran on when main had ended. */
  readonly runningBeforePost: readonly string[]
  /** Processes of this step that outlived it. */
  readonly leftRunning: readonly string[]
}

/** Runs the committed dist/ as GitHub's runner would: main, then post with main's state. */
export async function runAction(options: StepOptions): Promise<StepResult> {
  const account = accountFor(options.as ?? 'user')
  const folder = await makeJob(account, options)
  const workspace =
    typeof options.workspace === 'string' ? options.workspace : makeWorkspace(options.workspace ?? {}, account)
  const env = stepEnvironment(folder, workspace, account, options)
  const limitMilliseconds = options.limitMilliseconds ?? 300_000
  const watched = { account, cwd: workspace, limitMilliseconds, wrapper: options.within?.(account), node: options.node }

  const main = await watchNode(join(folder, 'action/dist/main/index.js'), { ...watched, env, signal: options.signal })
  const runningBeforePost = processesWith(folder)
  const state = parseCommandFile(readFileSync(join(folder, 'GITHUB_STATE'), 'utf8'))
  const postEnv = {
    ...env,
    ...Object.fromEntries(Object.entries(state).map(([name, value]) => [`STATE_${name}`, value])),
  }
  const post =
    options.only === 'main'
      ? undefined
      : await watchNode(join(folder, 'action/dist/post/index.js'), { ...watched, env: postEnv })
  return {
    ...main,
    outputs: parseCommandFile(readFileSync(join(folder, 'GITHUB_OUTPUT'), 'utf8')),
    state,
    summary: readFileSync(join(folder, 'GITHUB_STEP_SUMMARY'), 'utf8'),
    post,
    workspace,
    temp: join(folder, 'temp'),
    leftInTemp: listFolder(join(folder, 'temp')),
    runningBeforePost,
    leftRunning: processesWith(folder),
  }
}

/** A job's folder: the action's checkout, RUNNER_TEMP, a tool cache, a home, and the files to talk back with. */
async function makeJob(account: Account, options: StepOptions): Promise<string> {
  const folder = makeFolder('job', account)
  symlinkSync(actionWith(options.ownBuildah ?? '[]'), join(folder, 'action'))
  for (const name of ['temp', 'tools', 'home']) mkdirSync(join(folder, name))
  for (const name of commandFiles) writeFileSync(join(folder, name), '')
  // A commit without a time would give every run another label.
  const commit = { head_commit: { timestamp: '2026-11-23T10:00:00Z' } }
  writeFileSync(join(folder, 'event.json'), JSON.stringify({ ...commit, ...options.event?.payload }))
  writeFileSync(join(folder, 'registries.conf'), githubRegistriesConf.version2)
  if (testsAreRoot) await run('chown', ['-R', `${account.uid}:${account.gid}`, folder])
  return folder
}

/** Where the action is by the manifest of its own Buildah: of all steps of a file, which only read it. */
const actions = new Map<string, string>()

/** The action's checkout: a copy, since the account may have no way to where the repository is. */
function actionWith(ownBuildah: string): string {
  const known = actions.get(ownBuildah)
  if (known !== undefined) return known
  const action = makeFolder('action')
  cpSync(join(repository, 'dist'), join(action, 'dist'), { recursive: true })
  writeFileSync(join(action, 'dist/buildah.json'), ownBuildah)
  for (const file of ['action.yml', 'package.json']) cpSync(join(repository, file), join(action, file))
  execFileSync('chmod', ['-R', 'a+rX', action])
  actions.set(ownBuildah, action)
  return action
}

/** What a log shows to a reader: the runner swallows the lines that name what it has to mask. */
export function withoutMasks(log: string): string {
  return log
    .split('\n')
    .filter((line) => !line.startsWith('::add-mask::'))
    .join('\n')
}
