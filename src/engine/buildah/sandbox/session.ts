import { randomUUID } from 'node:crypto'
import { access, chmod, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, type Env } from '../../../exec.js'
import { hold } from '../../../lib/held-program.js'
import type { BuildUser } from '../../build-user.js'
import type { Buildah } from '../find/install.js'
import type { WorkDir } from '../../work-dir.js'
import { mountTable } from './mounts.js'
import { SCRIPT } from './script.js'
import { registering, registrations } from '../emulation/binfmt.js'
import type { Emulator } from '../emulation/binfmt.js'
import type { Tree } from './tree.js'

/** Where programs of the account run. */
export interface Sandbox {
  /** Command line before a program. */
  readonly enter: readonly string[]
  /** For programs in it, beside their own environment. */
  readonly env: Env
  /** Whether whatever runs in it ends with it. */
  readonly isApart: boolean
  /** What of it couldn't be made, as a noun. */
  readonly missing: string | undefined
  /** Ends everything that still runs in it. */
  close(): Promise<void>
}

/** Those of util-linux that make a sandbox and enter it, and a shell. */
const TOOLS = ['setpriv', 'unshare', 'mount', 'umount', 'pivot_root', 'nsenter', 'setsid', 'sh'] as const

/** AppArmor's profile of Ubuntu from 25.04 on: what /usr/bin/unshare starts may mount nothing. */
const UNSHARE_PROFILE = '/etc/apparmor.d/unshare-userns-restrict'

type ToolPaths = Record<(typeof TOOLS)[number], string>

/** Where nothing keeps programs of the account apart from the runner. */
export function noSandbox({ prefix }: BuildUser, { path, launcher }: Pick<Buildah, 'path' | 'launcher'>): Sandbox {
  const enter = path === launcher ? prefix : [...prefix, launcher, 'unshare']
  return { enter, env: {}, isApart: false, missing: undefined, close: () => Promise.resolve() }
}

/** The same, with these emulators for programs of other processors. */
export async function emulatingWithoutSandbox(
  { buildUser: { prefix }, env, path }: WorkDir,
  { launcher }: Pick<Buildah, 'launcher'>,
  emulators: readonly Emulator[],
): Promise<Sandbox> {
  const shell = (await findProgram('sh', env)) ?? '/bin/sh'
  const enter = [...prefix, launcher, 'unshare', ...registering(shell, path, emulators)]
  return { enter, env: {}, isApart: false, missing: undefined, close: () => Promise.resolve() }
}

/**
 * Makes user, mount, PID and IPC namespaces with this root. They are there until the sandbox is closed or this process
 * has ended, however it ends.
 * @param program Buildah, which makes the user namespace: AppArmor may allow that to it alone
 * @param emulators for programs of other processors
 * @throws Error when it can't be made
 */
export async function openSandbox(
  tree: Tree,
  folder: WorkDir,
  program: string,
  emulators: readonly Emulator[],
): Promise<Sandbox> {
  const { buildUser, env, path } = folder
  const tools = await findTools(env)
  const dying = [tools.setpriv, '--pdeathsig', 'KILL']
  const unshare = await unrestricted(tools.unshare, join(path, `trial/unshare-${randomUUID()}`))
  const spaces = [unshare, '--mount', '--pid', '--ipc', '--fork', '--kill-child']
  const start = [...buildUser.prefix, ...dying, program, 'unshare', ...dying, ...spaces, tools.sh, '-c', SCRIPT]
  const args = [...scriptArgs(tree, `${path}/sandbox`), registrations(emulators)]
  const held = await hold([...start, 'sandbox', ...args], { env, cwd: path })
  const [, pid = '', proc] = /^(\d+) (new|old)$/.exec(held.line) ?? []
  if (pid === '') throw new Error(`it began with ${JSON.stringify(held.line.slice(0, 100))}`)
  const entered = ['--user', '--preserve-credentials', '--mount', '--pid', '--ipc']
  return {
    enter: [...buildUser.prefix, tools.nsenter, '--target', pid, ...entered, '--', tools.setsid],
    // What Buildah itself tells what it starts in its namespace.
    env: {
      _CONTAINERS_USERNS_CONFIGURED: 'done',
      _CONTAINERS_ROOTLESS_UID: String(buildUser.uid),
      _CONTAINERS_ROOTLESS_GID: String(buildUser.gid),
    },
    isApart: true,
    missing: proc === 'old' ? 'a /proc of its own' : undefined,
    close: () => held.close(),
  }
}

/** The program, or, where there is a profile for its path, a copy of it. */
export async function unrestricted(program: string, copy: string, profile = UNSHARE_PROFILE): Promise<string> {
  const isRestricted = await access(profile).then(
    () => true,
    () => false,
  )
  if (!isRestricted) return program
  await copyFile(program, copy)
  await chmod(copy, 0o755)
  return copy
}

async function findTools(env: Env): Promise<ToolPaths> {
  const found = await Promise.all(TOOLS.map((name) => findProgram(name, env, ['/usr/sbin', '/sbin'])))
  const missing = TOOLS.filter((_, index) => found[index] === undefined)
  if (missing.length > 0) throw new Error(`missing programs of util-linux: ${missing.join(', ')}`)
  return Object.fromEntries(TOOLS.map((name, index) => [name, found[index] ?? ''])) as ToolPaths
}

function scriptArgs({ folders, files, writable, links, mounts }: Tree, root: string): string[] {
  const inRoot = (paths: readonly string[]) => paths.map((path) => `.${path}`).join('\n')
  const broken = [...folders, ...files].find((path) => path.includes('\n'))
  if (broken !== undefined) throw new Error(`${JSON.stringify(broken)} has a line break`)
  return [root, ...[folders, files, writable].map(inRoot), links.join('\n'), mountTable(mounts, writable, root)]
}
