import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { isRegistrable, registration } from '../../../../../src/engine/buildah/emulation/binfmt.js'
import { interpreterIn } from '../../../../../src/engine/buildah/emulation/machine.js'
import { type Emulated, EMULATED, RAN, tinyProgram } from '../../../../../src/engine/buildah/emulation/programs.js'
import { architectureOf, readElfHeader } from '../../../../../src/lib/elf.js'
import { nativePlatform } from '../../../../../src/lib/platform.js'
import { temporaryFolder } from '../../../helpers.js'

describe('tinyProgram', () => {
  it.each(EMULATED)('is an ELF file for %s of some 130 bytes', (architecture) => {
    const program = tinyProgram(architecture)
    const header = readElfHeader(program)
    expect(header && architectureOf(header)).toBe(architecture)
    expect(program.length).toBeLessThan(140)
  })

  it('runs here for the processor of this machine, and ends with its own exit code', () => {
    const own = nativePlatform().architecture
    if (!(EMULATED as readonly string[]).includes(own)) return
    const path = join(temporaryFolder(), 'program')
    writeFileSync(path, tinyProgram(own as Emulated), { mode: 0o755 })
    expect(spawnSync(path).status).toBe(RAN)
  })
})

describe('registration', () => {
  // As in qemu's own scripts/qemu-binfmt-conf.sh, with the ABI left open.
  it.each<[architecture: Emulated, name: string, magic: string, mask: string]>([
    ['arm64', 'qemu-aarch64', '7f454c460201010000000000000000000200b700', 'ffffffffffffff00fffffffffffffffffeffffff'],
    ['arm', 'qemu-arm', '7f454c4601010100000000000000000002002800', 'ffffffffffffff00fffffffffffffffffeffffff'],
    ['s390x', 'qemu-s390x', '7f454c4602020100000000000000000000020016', 'ffffffffffffff00fffffffffffffffffffeffff'],
    ['386', 'qemu-i386', '7f454c4601010100000000000000000002000300', 'ffffffffffffff00fffffffffffffffffeffffff'],
    ['amd64', 'qemu-x86_64', '7f454c4602010100000000000000000002003e00', 'ffffffffffffff00fffffffffffffffffeffffff'],
  ])('of %s', (architecture, name, magic, mask) => {
    const escaped = (hex: string) => hex.replaceAll(/../g, '\\x$&')
    expect(registration({ architecture, path: '/tools/qemu', version: '7.2.22' })).toBe(
      `:${name}:M:0:${escaped(magic)}:${escaped(mask)}:/tools/qemu:FCP`,
    )
  })

  it('asks no qemu before 6 for the names that programs are called by', () => {
    expect(registration({ architecture: 'arm64', path: '/q', version: '5.2.0' })).toMatch(/:FC$/)
  })

  it.each([
    ['/usr/bin/qemu-aarch64-static', true],
    ['/a:b/qemu', false],
    [`/${'x'.repeat(127)}`, false],
  ])('takes the path %s: %j', (path, expected) => {
    expect(isRegistrable(path)).toBe(expected)
  })
})

describe('interpreterIn', () => {
  it.each([
    [
      'enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\n',
      '/usr/libexec/qemu-binfmt/aarch64-binfmt-P',
    ],
    ['disabled\ninterpreter /usr/bin/qemu-aarch64\nflags: F\n', undefined],
    ['', undefined],
  ])('%j', (entry, expected) => {
    expect(interpreterIn(entry)).toBe(expected)
  })
})
