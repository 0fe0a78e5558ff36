import { ELF_HEADERS, type ElfHeader } from '../../../lib/elf.js'

/** What the programs exit with: nothing else that goes wrong does. */
export const RAN = 42

/** Where they are loaded. */
const ADDRESS = 0x400000
const PAGE = 0x10000
/** Of a processor, the system call `exit` with that code, and flags of the ABI where it insists on some. */
const EXITS = {
  // mov $42, %ebx; xor %eax, %eax; inc %eax; int $0x80
  '386': { code: 'bb2a00000031c040cd80', flags: 0 },
  // mov $42, %edi; mov $60, %eax; syscall
  amd64: { code: 'bf2a000000b83c0000000f05', flags: 0 },
  // mov r0, #42; mov r7, #1; svc 0; the ABI is EABI 5
  arm: { code: '2a00a0e30170a0e3000000ef', flags: 0x05000000 },
  // mov x0, #42; mov x8, #93; svc #0
  arm64: { code: '400580d2a80b80d2010000d4', flags: 0 },
  // li r3, 42; li r0, 1; sc; the ABI is ELFv2
  ppc64le: { code: '2a0060380100003802000044', flags: 2 },
  // li a0, 42; li a7, 93; ecall
  riscv64: { code: '1305a0029308d00573000000', flags: 0 },
  // lghi %r2, 42; svc 1
  s390x: { code: 'a729002a0a01', flags: 0 },
} as const

export type Emulated = keyof typeof EXITS

/** The architectures that there is a program of. */
export const EMULATED = Object.keys(EXITS) as readonly Emulated[]

/** A program of some 130 bytes that does nothing but exit with `RAN`: ELF, statically linked, without a C library. Pure. */
export function tinyProgram(architecture: Emulated): Buffer {
  const { code, flags } = EXITS[architecture]
  const elf = ELF_HEADERS[architecture]
  const body = Buffer.from(code, 'hex')
  const start = elf.bits === 64 ? 64 + 56 : 52 + 32
  return Buffer.concat([fileHeader(elf, ADDRESS + start, flags), programHeader(elf, start + body.length), body])
}

function fileHeader(elf: ElfHeader, entry: number, flags: number): Buffer {
  const { bits, endian, machine } = elf
  const ident = Buffer.from([0x7f, 0x45, 0x4c, 0x46, bits / 32, endian === 'big' ? 2 : 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  const [own, each] = bits === 64 ? [64, 56] : [52, 32]
  const [half, word, address] = [2, 4, bits / 8] as const
  return Buffer.concat([
    ident,
    // An executable file of version 1, its entry, where the one program header is, and no sections.
    numbers(elf, [half, 2], [half, machine], [word, 1], [address, entry], [address, own], [address, 0], [word, flags]),
    numbers(elf, [half, own], [half, each], [half, 1], [half, 0], [half, 0], [half, 0]),
  ])
}

/** All of the file is loaded, to be read and run. */
function programHeader(elf: ElfHeader, size: number): Buffer {
  const [load, readAndRun] = [1, 5]
  if (elf.bits === 64)
    return Buffer.concat([
      numbers(elf, [4, load], [4, readAndRun]),
      numbers(elf, [8, 0], [8, ADDRESS], [8, ADDRESS], [8, size], [8, size], [8, PAGE]),
    ])
  const words = [load, 0, ADDRESS, ADDRESS, size, size, readAndRun, PAGE]
  return numbers(elf, ...words.map((value) => [4, value] as const))
}

function numbers({ endian }: ElfHeader, ...fields: readonly (readonly [bytes: number, value: number])[]): Buffer {
  return Buffer.concat(
    fields.map(([bytes, value]) => {
      const buffer = Buffer.alloc(bytes)
      // No value has more than 32 bits.
      if (endian === 'big') buffer.writeUIntBE(value, Math.max(0, bytes - 4), Math.min(bytes, 4))
      else buffer.writeUIntLE(value, 0, Math.min(bytes, 4))
      return buffer
    }),
  )
}
