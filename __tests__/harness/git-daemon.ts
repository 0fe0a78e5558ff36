import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { run } from './command.js'
import { type Files, makeFolder, makeWorkspace } from './folders.js'
import { freePort } from './loopback.js'

export interface GitRepository {
  /** `git://127.0.0.1:40123/repository.git` */
  readonly url: string
  /** Commits that were made, the first one first, 40 hex digits each. */
  readonly commits: readonly string[]
  stop(): Promise<void>
}

/**
 * Serves a repository on loopback with Git's own daemon.
 * @param branches name → all files of its newest commit, in the order of the commits; HEAD is the last
 */
export async function serveRepository(branches: Readonly<Record<string, Files>>): Promise<GitRepository> {
  const root = makeFolder('git')
  const bare = join(root, 'repository.git')
  await run('git', ['init', '--quiet', '--bare', '--initial-branch=trunk', bare])
  // A commit may be asked for by its ID, as GitHub allows it.
  await run('git', ['-C', bare, 'config', 'uploadpack.allowAnySHA1InWant', 'true'])
  const commits: string[] = []
  for (const [branch, files] of Object.entries(branches)) commits.push(await commit(bare, branch, files))

  const port = await freePort()
  const program = join((await run('git', ['--exec-path'])).toString().trim(), 'git-daemon')
  const options = ['--export-all', `--base-path=${root}`, '--listen=127.0.0.1', `--port=${port}`, '--reuseaddr']
  // Tests that are killed take their daemon with them.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...options], { stdio: 'ignore' })
  await untilListening(port, child)
  return { url: `git://127.0.0.1:${port}/repository.git`, commits, stop: () => stop(child) }
}

async function commit(bare: string, branch: string, files: Files): Promise<string> {
  const work = makeWorkspace(files)
  const identity = ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com']
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', [`--git-dir=${bare}`, `--work-tree=${work}`, ...identity, ...args], { cwd: work })).toString()
  await git('add', '--force', '.')
  await git('commit', '--quiet', '--message', branch)
  await git('update-ref', `refs/heads/${branch}`, 'HEAD')
  return (await git('rev-parse', 'HEAD')).trim()
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('git daemon does not answer')
    await sleep(25)
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (connected: boolean): void => {
      socket.destroy()
      resolve(connected)
    }
    socket.on('connect', () => {
      end(true)
    })
    socket.on('error', () => {
      end(false)
    })
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => {
      resolve()
    })
    if (!child.kill('SIGKILL')) resolve()
  })
}
