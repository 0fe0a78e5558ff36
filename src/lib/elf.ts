/** What the first bytes of an ELF file say of the processor that it is for. @see elf(5) */
export interface ElfHeader {
  /** `e_machine`. */
  readonly machine: number
  readonly bits: 32 | 64
  readonly endian: 'little' | 'big'
}

/** Bytes of a file that `readElfHeader` needs. */
export const ELF_HEADER_BYTES = 20

/** The processors of programs for Linux, by the names that the OCI image specification has for architectures. */
export const ELF_HEADERS = {
  '386': elf(3, 32),
  amd64: elf(62, 64),
  arm: elf(40, 32),
  arm64: elf(183, 64),
  loong64: elf(258, 64),
  mips: elf(8, 32, 'big'),
  mips64: elf(8, 64, 'big'),
  mips64le: elf(8, 64),
  mipsle: elf(8, 32),
  ppc64: elf(21, 64, 'big'),
  ppc64le: elf(21, 64),
  riscv64: elf(243, 64),
  s390x: elf(22, 64, 'big'),
} as const satisfies Readonly<Record<string, ElfHeader>>

/** Reads the header of a file; undefined where it is no ELF file. Pure. */
export function readElfHeader(bytes: Buffer): ElfHeader | undefined {
  if (bytes.length < ELF_HEADER_BYTES || bytes.toString('latin1', 0, 4) !== '\x7fELF') return undefined
  const [bits, endian] = [bytes[4] === 1 ? 32 : 64, bytes[5] === 2 ? 'big' : 'little'] as const
  return { bits, endian, machine: endian === 'big' ? bytes.readUInt16BE(18) : bytes.readUInt16LE(18) }
}

/** What the image specification calls the processor; undefined for one that isn't known here. Pure. */
export function architectureOf({ machine, bits, endian }: ElfHeader): string | undefined {
  const found = Object.entries(ELF_HEADERS).find(
    ([, known]) => known.machine === machine && known.bits === bits && known.endian === endian,
  )
  return found?.[0]
}

function elf(machine: number, bits: ElfHeader['bits'], endian: ElfHeader['endian'] = 'little'): ElfHeader {
  return { machine, bits, endian }
}
