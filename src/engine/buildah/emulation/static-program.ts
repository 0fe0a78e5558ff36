import { open } from 'node:fs/promises'
import coerce from 'semver/functions/coerce.js'
import { attempt, type Env } from '../../../exec.js'
import type { Emulator } from './binfmt.js'
import type { Emulated } from './programs.js'

/** Of a program header, that it names the dynamic loader. */
const PT_INTERP = 3

/** A program that is a qemu which needs no libraries; undefined for another one. */
export async function asEmulator(architecture: Emulated, path: string, env: Env): Promise<Emulator | undefined> {
  if (!(await isStatic(path))) return undefined
  const { exitCode, stdout } = await attempt([path, '--version'], { env })
  const version = coerce(/version (\S+)/.exec(stdout)?.[1])?.version
  return exitCode !== 0 || version === undefined ? undefined : { architecture, path, version }
}

/** Whether a file is an ELF program of 64 bits that names no dynamic loader (`PT_INTERP`): in another root it has none. */
async function isStatic(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return false
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    if (bytesRead < 64 || buffer.toString('latin1', 0, 5) !== '\x7fELF\x02') return false
    const [at, size, count] = [Number(buffer.readBigUInt64LE(32)), buffer.readUInt16LE(54), buffer.readUInt16LE(56)]
    const types = Array.from({ length: count }, (_, index) => at + index * size)
    return types.every((offset) => offset + 4 <= bytesRead && buffer.readUInt32LE(offset) !== PT_INTERP)
  } finally {
    await file.close()
  }
}
