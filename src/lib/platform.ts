import { arch, machine } from 'node:os'
import { UserError } from '../errors.js'

/** What an image is for, in the words of the OCI image specification; normalized as containerd does. */
export interface Platform {
  /** `linux`. */
  readonly os: string
  /** `amd64`, `arm64`, `arm`. */
  readonly architecture: string
  /** `v7`; undefined where the architecture has none, or it is the usual one. */
  readonly variant?: string
}

const OPERATING_SYSTEMS = new Set(
  (
    'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris wasi wasip1 ' +
    'windows zos'
  ).split(' '),
)
const ARCHITECTURES = new Set(
  (
    '386 amd64 arm arm64 armbe arm64be loong64 mips mipsle mips64 mips64le ppc ppc64 ppc64le riscv riscv64 s390 s390x ' +
    'sparc sparc64 wasm'
  ).split(' '),
)
/** Other names of architectures, some of them with a variant. */
const ALIASES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  i386: ['386', ''],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
}
/** Node's names of architectures, where the OCI specifications have others. */
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

/**
 * Reads `os/architecture[/variant]`, or one of the first two alone: the other one is that of Linux containers on this
 * machine then.
 * @returns undefined for what isn't a platform
 */
export function parsePlatform(text: string): Platform | undefined {
  const parts = text.trim().toLowerCase().split('/')
  const [first = '', architecture, variant = ''] = parts
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) return undefined
  const os = first === 'macos' ? 'darwin' : first
  if (architecture !== undefined) return known(os, architecture, variant)
  return OPERATING_SYSTEMS.has(os) ? { ...nativePlatform(), os } : known('linux', os, '')
}

/**
 * Reads the input `platforms`, each platform once, in the order in which they are given.
 * @param texts one or several platforms each, with commas between them
 * @throws UserError for what isn't a platform
 */
export function parsePlatforms(texts: readonly string[]): Platform[] {
  const platforms = new Map<string, Platform>()
  for (const text of texts.flatMap((line) => line.split(',')).map((one) => one.trim())) {
    if (text === '') continue
    const platform = parsePlatform(text)
    if (platform === undefined) {
      throw new UserError(
        `Input "platforms": ${JSON.stringify(text)} is not a platform.`,
        'A platform is `os/architecture` or `os/architecture/variant`, such as `platforms: linux/amd64,linux/arm64,linux/arm/v7`.',
      )
    }
    platforms.set(formatPlatform(platform), platform)
  }
  return [...platforms.values()]
}

/** `linux/arm/v7`; pure. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/** Whether both are the same; pure. */
export function isSamePlatform(one: Platform, other: Platform): boolean {
  return formatPlatform(one) === formatPlatform(other)
}

/** What this machine's images are for, as far as this process can tell: a Node for 32 bits says 32 bits. */
export function nativePlatform(): Platform {
  const architecture = NODE_ARCHITECTURES[arch()] ?? arch()
  const variant = /^armv[56]/.exec(machine())?.[0].slice('arm'.length) ?? ''
  return { os: 'linux', ...normalize(architecture, architecture === 'arm' ? variant : '') }
}

/** What images are built for: `linux/amd64`. */
export function platform(): string {
  return formatPlatform(nativePlatform())
}

/** What an engine declares in front of the first FROM; undefined if it depends on a variant of the processor. */
export function platformArguments(name = platform()): ReadonlyMap<string, string | undefined> {
  const [os = '', architecture = ''] = name.split('/')
  return new Map(
    ['TARGET', 'BUILD'].flatMap((side): [string, string | undefined][] => [
      [`${side}PLATFORM`, architecture === 'arm' ? undefined : name],
      [`${side}OS`, os],
      [`${side}ARCH`, architecture],
      // Of ARM engines name one, or leave it out where it is the usual one.
      [`${side}VARIANT`, architecture.startsWith('arm') ? undefined : ''],
    ]),
  )
}

function known(os: string, written: string, variant: string): Platform | undefined {
  const normalized = normalize(written, variant)
  return OPERATING_SYSTEMS.has(os) && ARCHITECTURES.has(normalized.architecture) ? { os, ...normalized } : undefined
}

/** As containerd's `platforms.Normalize`: other names become the usual ones, and the usual variant is left out. */
function normalize(written: string, variant: string): Omit<Platform, 'os'> {
  const [architecture, implied] = ALIASES[written] ?? [written]
  const normalized = normalVariant(architecture, implied ?? variant)
  return { architecture, ...(normalized !== '' && { variant: normalized }) }
}

function normalVariant(architecture: string, variant: string): string {
  switch (architecture) {
    case 'amd64':
      return variant === 'v1' ? '' : variant
    case 'arm64':
      if (/^v?8(\.0)?$/.test(variant)) return ''
      return /^v?9(\.0)?$/.test(variant) ? 'v9' : variant
    case 'arm':
      if (variant === '') return 'v7'
      return /^[5678]$/.test(variant) ? `v${variant}` : variant
    default:
      return variant
  }
}
