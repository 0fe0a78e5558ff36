import { appendFile, readFile } from 'node:fs/promises'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { UserError } from '../errors.js'
import { attempt, execute, findProgram, type Env } from '../exec.js'

/** A user of this machine, as in passwd(5). */
export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** The account that builds. */
export interface BuildUser extends User {
  /** Command line that every program of this account starts with; empty when the step already runs as it. */
  readonly prefix: readonly string[]
  /** Why it is this one, for the log. */
  readonly reason: string
  /** Why it can't build with Buildah; absent if it can. */
  readonly buildahUnavailable?: UserError
}

export interface BuildUserOptions {
  readonly rootless: 'prefer' | 'require' | 'off'
  readonly rootlessUser: string | undefined
}

const OWN_ACCOUNT = 'rootless-build'
const RANGE_SIZE = 65536
/** Where ranges start by convention (login.defs, SUB_UID_MIN). */
const FIRST_RANGE = 100000

/**
 * Chooses the account that builds: the user who runs the step, unless that is root and the build should be rootless.
 * Then it is the account that the input names, else the one that called sudo, else one of our own, which is created.
 * @throws UserError when the account doesn't exist, is root, or can't be made.
 */
export async function chooseBuildUser(options: BuildUserOptions, context: Context): Promise<BuildUser> {
  if (context.uid !== 0) {
    if (options.rootlessUser !== undefined) {
      throw new UserError(
        `Input "rootless-user": got ${JSON.stringify(options.rootlessUser)}, but the step doesn't run as root, so it can't become another user.`,
        'Remove the input: the build already runs without root.',
      )
    }
    return { ...(await stepUser(context)), prefix: [], reason: 'the user who runs the step' }
  }
  if (options.rootless === 'off')
    return { ...(await stepUser(context)), prefix: [], reason: 'the step runs as root and `rootless` is `off`' }
  const { user, reason } = await findUnprivileged(options.rootlessUser, context)
  return { ...user, prefix: await dropTo(user, context.env), reason }
}

/**
 * Chooses the account that builds with Buildah. It is the user who runs the step if Docker was asked for, or if no other
 * account is found.
 */
export async function chooseBuilder(
  options: BuildUserOptions & Pick<Inputs, 'engine' | 'builder'>,
  context: Context,
): Promise<BuildUser> {
  const own = async () => ({ ...(await stepUser(context)), prefix: [], reason: 'the user who runs the step' })
  if (options.engine === 'docker' || options.builder !== undefined) return await own()
  try {
    return await chooseBuildUser(options, context)
  } catch (error) {
    // A wrong account in the inputs is an error, even if Docker could build.
    if (options.engine === 'buildah' || options.rootlessUser !== undefined || !(error instanceof UserError)) throw error
    return { ...(await own()), buildahUnavailable: error }
  }
}

/** The environment of an account's programs: its own home, and nothing that points into the home of root. */
export function buildUserEnv(buildUser: BuildUser, env: Env): Env {
  if (buildUser.prefix.length === 0) return env
  const inherited = Object.entries(env).filter(
    ([name]) => !/^(XDG_|SUDO_|DOCKER_CONFIG$|REGISTRY_AUTH_FILE$)/.test(name),
  )
  return { ...Object.fromEntries(inherited), HOME: buildUser.home, USER: buildUser.name, LOGNAME: buildUser.name }
}

/** The first id from FIRST_RANGE on behind which RANGE_SIZE ids are free, given the text of /etc/subuid or /etc/subgid. */
export function nextFreeRange(text: string): number {
  const ends = text.split('\n').map((line) => {
    const [, start, size] = line.split(':')
    return Number(start) + Number(size)
  })
  return Math.max(FIRST_RANGE, ...ends.filter((end) => Number.isInteger(end)))
}

/** By its number: the USER of the environment may be another's, or missing, and subordinate IDs go by the name. */
async function stepUser({ uid, gid, home, env }: Context): Promise<User> {
  const name = (await lookUp(String(uid), env))?.name ?? String(uid)
  return { name, uid, gid, home }
}

async function findUnprivileged(named: string | undefined, context: Context): Promise<{ user: User; reason: string }> {
  if (named !== undefined) {
    const user = await lookUp(named, context.env)
    if (user === undefined || user.uid === 0) {
      throw new UserError(
        `Input "rootless-user": got ${JSON.stringify(named)}, ${user === undefined ? 'but this machine has no such user' : 'which is root'}.`,
        `Name an account that isn't root (\`useradd --create-home ${user === undefined && /^[a-z_][a-z0-9_-]*$/.test(named) ? named : 'builder'}\` creates one), or leave the input out: the action then creates its own account.`,
      )
    }
    return { user, reason: 'the step runs as root and "rootless-user" names this account' }
  }
  if (context.sudoUid !== undefined) {
    const user = await lookUp(String(context.sudoUid), context.env)
    if (user !== undefined) return { user, reason: 'the step runs as root through sudo from this account' }
  }
  const own = await lookUp(OWN_ACCOUNT, context.env)
  const user = own ?? (await create(context.env))
  await giveRanges(user)
  return {
    user,
    reason: `the step runs as root; the build has its own account${own === undefined ? ', created now' : ''}`,
  }
}

async function lookUp(nameOrUid: string, env: Env): Promise<User | undefined> {
  const local = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''), nameOrUid)
  if (local !== undefined) return local
  // A directory service may know more than the file.
  const getent = await findProgram('getent', env)
  if (getent === undefined) return undefined
  return parsePasswd((await attempt([getent, 'passwd', nameOrUid], { env })).stdout, nameOrUid)
}

/** The entry of passwd(5) text with this name or uid. */
export function parsePasswd(text: string, nameOrUid: string): User | undefined {
  for (const line of text.split('\n')) {
    const [name, , uid, gid, , home] = line.split(':')
    if (name === undefined || home === undefined || (name !== nameOrUid && uid !== nameOrUid)) continue
    return { name, uid: Number(uid), gid: Number(gid), home }
  }
  return undefined
}

async function create(env: Env): Promise<User> {
  const useradd = await findProgram('useradd', env, ['/usr/sbin', '/sbin'])
  const adduser = await findProgram('adduser', env, ['/usr/sbin', '/sbin'])
  if (useradd !== undefined) {
    await execute([useradd, '--create-home', '--user-group', '--shell', '/bin/sh', OWN_ACCOUNT], { env })
  } else if (adduser !== undefined) {
    // BusyBox: -D makes no password, so that nobody can log in.
    await execute([adduser, '-D', OWN_ACCOUNT], { env })
  }
  const user = await lookUp(OWN_ACCOUNT, env)
  if (user === undefined) {
    throw new UserError(
      'Input "rootless-user" is missing, and the step runs as root: no account could be created to build without root, because neither useradd nor adduser is installed.',
      'Run the step as another user, name an existing one (`rootless-user: builder`), or build as root: `rootless: off`.',
    )
  }
  return user
}

/** Gives our own account its subordinate IDs where the system's tools didn't. Accounts of others are left as they are. */
async function giveRanges(user: User): Promise<void> {
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text.split('\n').some((line) => line.startsWith(`${user.name}:`) || line.startsWith(`${user.uid}:`))) continue
    const gap = text === '' || text.endsWith('\n') ? '' : '\n'
    await appendFile(file, `${gap}${user.name}:${nextFreeRange(text)}:${RANGE_SIZE}\n`)
  }
}

async function dropTo(user: User, env: Env): Promise<readonly string[]> {
  const setpriv = await findProgram('setpriv', env)
  if (setpriv === undefined) {
    throw new UserError(
      `The step runs as root and can't become ${user.name}: the program setpriv is missing.`,
      'Install it (`apt-get install util-linux`, `apk add setpriv`), run the step as another user, or build as root: `rootless: off`.',
    )
  }
  return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--inh-caps=-all', '--']
}
