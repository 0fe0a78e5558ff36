import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, findProgram } from '../../../exec.js'
import type { Place } from '../find/probe.js'
import { writePrivate } from '../../work-dir.js'
import { type Emulator, registering } from './binfmt.js'
import { type Emulated, RAN, tinyProgram } from './programs.js'

type Where = Pick<Place, 'buildah' | 'folder'>

/**
 * Runs a program of another processor as a RUN step is run: in a root of its own, where the kernel finds no emulator that
 * it hasn't opened before.
 * @param emulators to be registered before, in the user namespace of the account
 * @returns undefined when it ran; else why not, as the end of a sentence
 */
export async function tryProgram(
  architecture: Emulated,
  { buildah, folder }: Where,
  emulators: readonly Emulator[],
): Promise<string | undefined> {
  const { buildUser, env, path } = folder
  const [chroot, shell] = await Promise.all(['chroot', 'sh'].map((name) => findProgram(name, env, ['/usr/sbin'])))
  if (chroot === undefined || shell === undefined) return 'the program chroot is missing'
  const name = `program-${architecture}`
  await chmod(await writePrivate(folder, `trial/${name}`, tinyProgram(architecture)), 0o700)
  const unshare = buildUser.uid === 0 ? [] : [buildah.launcher, 'unshare']
  const register = emulators.length === 0 ? [] : registering(shell, path, emulators)
  const argv = [...buildUser.prefix, ...unshare, ...register, chroot, join(path, 'trial'), `/${name}`]
  const { exitCode, stderr } = await attempt(argv, { env, cwd: path })
  if (exitCode === RAN) return undefined
  return stderr.trim().split('\n').at(-1)?.replace(/\.$/, '') || `it ended with exit code ${exitCode}`
}
