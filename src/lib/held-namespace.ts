import { attempt, type Env, findProgram } from '../exec.js'
import { hold } from './held-program.js'

/** What makes a user namespace of an account. */
export interface NamespaceMaker {
  /** Command line before a program of the account; empty where it is that of this process. */
  readonly prefix: readonly string[]
  /** Command line before a program that is to run in a new namespace: `/usr/bin/buildah unshare`. */
  readonly unshare: readonly string[]
}

/** A user namespace that is there until it is closed, or this process has ended. */
export interface Namespace {
  /** Command line before a program in it. */
  readonly enter: readonly string[]
  /** The same for a program that mounts something, which only programs started in the same way see. */
  readonly enterMounts: readonly string[]
  /** The namespace's uid_map (user_namespaces(7)). */
  readonly uidMap: string
  close(): Promise<void>
}

/** `$$` is this shell until `cat` has its place, which ends when standard input does. */
const SCRIPT = 'echo $$; exec cat >/dev/null'

/**
 * Makes the account's user namespace once for all programs that see files as its owner: each `buildah unshare` starts Buildah
 * twice, and newuidmap and newgidmap.
 * @returns undefined where no program can enter it
 */
export async function holdNamespace(
  { prefix, unshare }: NamespaceMaker,
  options: { readonly env: Env; readonly cwd: string },
): Promise<Namespace | undefined> {
  const { env } = options
  const [shell, nsenter] = await Promise.all(['sh', 'nsenter'].map((name) => findProgram(name, env)))
  if (shell === undefined || nsenter === undefined) return undefined
  const held = await hold([...prefix, ...unshare, shell, '-c', SCRIPT], options).catch(() => undefined)
  if (held === undefined) return undefined
  const start = [...prefix, nsenter, '--target', held.line, '--user', '--preserve-credentials']
  // Without the mounts: what is done there goes by paths of the machine.
  const [enter, enterMounts] = [
    [...start, '--'],
    [...start, '--mount', '--'],
  ]
  const { exitCode, stdout: uidMap } = await attempt([...enter, 'cat', '/proc/self/uid_map'], options)
  if (exitCode === 0 && hasRoot(uidMap)) return { enter, enterMounts, uidMap, close: () => held.close() }
  await held.close()
  return undefined
}

/** Whether somebody is root there. Pure. */
function hasRoot(uidMap: string): boolean {
  return uidMap.split('\n').some((line) => /^\s*0\s/.test(line))
}
