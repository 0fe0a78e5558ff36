import { spawn } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { type Account, accountFor, testsAreRoot } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { provide } from './provide.js'
import { repository } from './runner-files.js'

const version = '0.2.89'

/** Path of act, or why there is none. */
export function findAct(): { readonly program: string } | { readonly missing: string } {
  const act = provide('from-go.sh', 'act', version)
  return 'missing' in act ? act : { program: join(act.folder, 'bin/act') }
}

/** By the commits that the examples name. */
const UPLOAD = 'actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f'
const DOWNLOAD = 'actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c'

/** The machine of somebody who runs act: all that stays from run to run. */
export interface ActMachine {
  readonly account: Account
  /** It holds act, a copy of the action, a home and checkouts. */
  readonly folder: string
  /** The account's, for a container to have as well. */
  readonly registriesConf: string
  /** The folder that act makes RUNNER_TOOL_CACHE of its jobs in host mode. */
  readonly toolCache: string
}

/**
 * A home without a trace of earlier runs, of an account without rights, whose registries.conf(5) lets the workflows be
 * what they are: it has the test registries speak plain HTTP, and Docker Hub's images come from one of them.
 * @param program act, of which it gets a copy, since the account may have no way to where it is
 * @param registries host and port of each
 * @param hub the one that has Docker Hub's images
 */
export async function makeActMachine(program: string, registries: readonly string[], hub: string): Promise<ActMachine> {
  const account = accountFor('user')
  const folder = makeFolder('act', account)
  const insecure = registries.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`)
  const instead = `[[registry]]\nprefix = "docker.io"\nlocation = "${hub}"\ninsecure = true\n`
  mkdirSync(join(folder, 'home/.config/containers'), { recursive: true })
  mkdirSync(join(folder, 'runtime'), { mode: 0o700 })
  const registriesConf = join(folder, 'home/.config/containers/registries.conf')
  writeFileSync(registriesConf, [...insecure, instead].join('\n'))
  copyFileSync(program, join(folder, 'act'))
  const action = join(folder, 'action')
  cpSync(join(repository, 'dist'), join(action, 'dist'), { recursive: true })
  for (const file of ['action.yml', 'package.json']) cpSync(join(repository, file), join(action, file))
  await give(folder, account)
  return { account, folder, registriesConf, toolCache: join(folder, 'home/.cache/act/tool_cache') }
}

/** Checks an example out, as a repository of its own at GitHub's, `acme/NAME`, with one commit on main. */
export async function checkOutExample(machine: ActMachine, name: string): Promise<string> {
  return await checkOut(machine, name, join(repository, 'examples', name))
}

/** The same of the files in a folder. */
export async function checkOut({ account, folder }: ActMachine, name: string, files: string): Promise<string> {
  const checkout = join(folder, 'checkouts', name)
  cpSync(files, checkout, { recursive: true })
  await give(dirname(checkout), account)
  // A commit of another time would give every test another SHA.
  const date = '2026-11-23T10:00:00Z'
  const env = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date, HOME: join(folder, 'home') }
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid']
  for (const args of [
    ['init', '--quiet', '--initial-branch=main'],
    ['add', '.'],
    [...identity, 'commit', '--quiet', '--message=First'],
    ['remote', 'add', 'origin', `https://github.com/acme/${name}.git`],
  ]) {
    await run('git', args, { account, cwd: checkout, env })
  }
  return checkout
}

async function give(folder: string, account: Account): Promise<void> {
  if (testsAreRoot) await run('chown', ['-R', `${account.uid}:${account.gid}`, folder])
}

/** Where a job runs that runs in a container, as it does by default with act. */
export interface JobContainer {
  /** Of Docker, `unix:///run/docker.sock`. */
  readonly docker: string
  readonly image: string
  /** As for `docker create`. */
  readonly options: readonly string[]
  /** Without the socket of Docker's daemon, which act gives to every job by default. */
  readonly withoutSocket?: boolean
}

export interface ActOptions {
  /** A checkout, which act runs every workflow of. */
  readonly checkout: string
  /** Default `push`. */
  readonly event?: string
  /** Default, what act makes of the checkout. */
  readonly payload?: object
  readonly vars?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string>>
  /** Of act itself, which takes secrets without a value from there. */
  readonly env?: Readonly<Record<string, string>>
  /** Further options of act. */
  readonly args?: readonly string[]
  /** A folder that PATH begins with. */
  readonly path?: string
  /** What the jobs run in instead of on the machine itself. */
  readonly container?: JobContainer
}

/** What a job wrote into act's log. */
export interface ActJob {
  /** `success` or `failure`, as act says. */
  readonly result: string | undefined
  /** Of all of its steps. */
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  /** Printed by the main step of the action, and by its post step. */
  readonly main: string
  readonly post: string
  /** Commands that those have printed and that warn. */
  readonly warnings: readonly string[]
}

export interface ActRun {
  readonly exitCode: number | null
  /** By the names of the jobs as act has them. */
  readonly jobs: ReadonlyMap<string, ActJob>
  /** All of it. */
  readonly log: string
}

/** What stands in for the two actions that move artifacts, which can't be fetched here: the files go through a folder. */
function artifactActions({ folder }: ActMachine): string[] {
  const artifacts = join(folder, 'artifacts')
  const actions = {
    [UPLOAD]: `mkdir -p '${artifacts}' && cp "\${{ inputs.path }}" '${artifacts}'`,
    [DOWNLOAD]: `to="./\${{ inputs.path }}" && mkdir -p "$to" && cp '${artifacts}'/* "$to"`,
  }
  return Object.entries(actions).flatMap(([name, command]) => {
    const place = join(folder, 'actions', name.replaceAll('/', '-'))
    mkdirSync(place, { recursive: true })
    const inputs = { name: {}, path: {}, 'retention-days': {}, 'compression-level': {} }
    const runs = { using: 'composite', steps: [{ shell: 'bash', run: command }] }
    writeFileSync(join(place, 'action.yml'), JSON.stringify({ name, description: name, inputs, runs }))
    return ['--local-repository', `${name}=${place}`]
  })
}

/**
 * Runs the workflows of a checkout, in host mode (the steps run as the account, on this machine) or in a container. They
 * are as they are in the repository; `OWNER/rootless-image-build@v1` is this repository's dist, and act itself stands
 * in for actions/checkout.
 */
export async function runAct(machine: ActMachine, options: ActOptions): Promise<ActRun> {
  const { checkout, event = 'push', payload, vars = {}, secrets = {}, env = {}, args = [], path, container } = options
  const payloadPath = join(machine.folder, 'event.json')
  if (payload) writeFileSync(payloadPath, JSON.stringify(payload))
  const pairs = (option: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`])
  const argv = [
    ...[event, '--json', '--actor', 'ada'],
    ...['ubuntu-latest', 'self-hosted'].flatMap((label) => [
      '--platform',
      `${label}=${container?.image ?? '-self-hosted'}`,
    ]),
    ...(container ? ['--pull=false', '--container-options', container.options.join(' ')] : []),
    ...(container?.withoutSocket === true ? ['--container-daemon-socket', '-'] : []),
    ...['--local-repository', `OWNER/rootless-image-build@v1=${join(machine.folder, 'action')}`],
    ...artifactActions(machine),
    ...['--cache-server-addr', '127.0.0.1'],
    ...(payload ? ['--eventpath', payloadPath] : []),
    ...pairs('--var', vars),
    ...pairs('--secret', secrets),
    ...args,
  ]
  const home = join(machine.folder, 'home')
  const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const { uid, gid, name } = machine.account
  const child = spawn(join(machine.folder, 'act'), argv, {
    cwd: checkout,
    // Nothing of the tests' own environment; act would hand it on to the steps.
    env: {
      ...{ PATH: path === undefined ? system : `${path}:${system}`, HOME: home, USER: name, LANG: 'C.UTF-8' },
      ...{ XDG_RUNTIME_DIR: join(machine.folder, 'runtime') },
      ...(container && { DOCKER_HOST: container.docker }),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(testsAreRoot && { uid, gid }),
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (piece: string) => (log += piece))
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { exitCode, jobs: readJobs(log), log }
}

/** A line of act's log, as it writes it with `--json`. */
interface Entry {
  readonly job?: string
  readonly msg: string
  readonly stage?: string
  readonly step?: string
  /** A line that the step itself printed. */
  readonly raw_output?: boolean
  /** What act did for the step. */
  readonly command?: string
  readonly name?: string
  readonly arg?: string
  readonly content?: string
  readonly jobResult?: string
}

function readJobs(log: string): Map<string, ActJob> {
  const entries = log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Entry)
  const names = new Set(entries.flatMap(({ job }) => (job === undefined ? [] : [job])))
  return new Map([...names].map((name) => [name, readJob(entries.filter(({ job }) => job === name))]))
}

function readJob(entries: readonly Entry[]): ActJob {
  const outputs = entries.filter(({ command }) => command === 'set-output')
  const printed = (wanted: string): string =>
    entries
      .filter(({ stage, step, raw_output }) => raw_output && stage === wanted && step?.startsWith('OWNER/'))
      .map(({ msg }) => `${msg.replace(/\r?\n?$/, '')}\n`)
      .join('')
  return {
    result: entries.find(({ jobResult }) => jobResult !== undefined)?.jobResult,
    outputs: Object.fromEntries(outputs.map(({ name = '', arg = '' }) => [name, arg])),
    summary: entries.find(({ command }) => command === 'summary')?.content ?? '',
    main: printed('Main'),
    post: printed('Post'),
    warnings: entries
      .filter(({ command, step }) => command === 'warning' && step?.startsWith('OWNER/'))
      .map(({ arg = '' }) => arg),
  }
}
