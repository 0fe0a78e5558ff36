import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'

/** An account of this machine, as its passwd file has it. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

export const testsAreRoot = process.getuid?.() === 0

const root: Account = { name: 'root', uid: 0, gid: 0, home: '/root' }
const unprivilegedName = 'rib-test'
/** How useradd(8) ends then. */
const NAME_IN_USE = 9

/**
 * The account that `as` stands for: `user` is the one who runs the tests, or, when that is root, an account made for
 * the tests that has ranges of subordinate IDs. `root` is there only when the tests are run by root.
 */
export function accountFor(as: 'root' | 'user'): Account {
  if (as === 'root') {
    if (!testsAreRoot) throw new Error('This test runs the action as root, and the tests are not run by root')
    return root
  }
  if (!testsAreRoot) {
    const { username, uid, gid, homedir } = userInfo()
    return { name: username, uid, gid, home: homedir }
  }
  return findAccount(unprivilegedName) ?? createAccount(unprivilegedName)
}

/** The account of this name, or undefined. */
export function findAccount(name: string): Account | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  if (line === undefined) return undefined
  const [, , uid = '', gid = '', , home = ''] = line.split(':')
  return { name, uid: Number(uid), gid: Number(gid), home }
}

function createAccount(name: string): Account {
  try {
    execFileSync('useradd', ['--create-home', '--shell', '/bin/sh', name], { stdio: 'pipe' })
  } catch (error) {
    // Another file of tests, which runs at the same time, has made it since.
    if ((error as { status?: number }).status !== NAME_IN_USE) throw error
  }
  // useradd gives ranges by itself where login.defs says so, which is nearly everywhere.
  for (const [file, option] of [
    ['/etc/subuid', '--add-subuids'],
    ['/etc/subgid', '--add-subgids'],
  ] as const) {
    const taken = readFileSync(file, 'utf8')
    if (!taken.includes(`${name}:`)) execFileSync('usermod', [option, freeRange(taken), name])
  }
  const account = findAccount(name)
  if (account === undefined) throw new Error(`useradd made no account ${name}`)
  return account
}

/** The first 65,536 IDs behind every range of a subuid or subgid file, as usermod takes them. */
function freeRange(subordinateIds: string): string {
  const ends = subordinateIds.split('\n').map((line) => {
    const [, start = '0', count = '0'] = line.split(':')
    return Number(start) + Number(count)
  })
  const start = Math.max(100_000, ...ends)
  return `${start}-${start + 65_535}`
}
