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
    const platform = text === 'local' ? nativePlatform() : parsePlatform(text)
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

/** The name of a folder for what is of one of several platforms, as BuildKit names it: `linux_arm_v7`. Pure. */
export function platformFolder(platform: Platform): string {
  return formatPlatform(platform).replaceAll('/', '_')
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

/**
 * Whether what is for one platform also serves another one, as registries and engines see it: the same, one that leaves its
 * variant open, or an earlier variant of ARM. Pure.
 */
export function runsOn(one: Platform, wanted: Platform): boolean {
  if (one.os !== wanted.os || one.architecture !== wanted.architecture) return false
  if (one.variant === undefined || one.variant === wanted.variant) return true
  return wanted.architecture === 'arm' && wanted.variant !== undefined && one.variant < wanted.variant
}

/**
 * What an engine declares in front of the first FROM; undefined where it isn't the same for all targets, or engines don't
 * agree on it.
 * @param targets what is built for; none stands for the platform of the machine
 */
export function platformArguments(
  targets: readonly Platform[],
  build: Platform = nativePlatform(),
): ReadonlyMap<string, string | undefined> {
  const [first = argumentsFor(build, false), ...others] = targets.map((target) =>
    argumentsFor(target, !isSamePlatform(target, build)),
  )
  const common = Object.entries(first).map(([name, value]): [string, string | undefined] => [
    `TARGET${name}`,
    others.every((other) => other[name] === value) ? value : undefined,
  ])
  const own = Object.entries(argumentsFor(build, false))
  return new Map([...common, ...own.map(([name, value]): [string, string | undefined] => [`BUILD${name}`, value])])
}

/** @param isGiven whether the engine is told it, variant and all, and doesn't find it out by itself */
function argumentsFor(platform: Platform, isGiven: boolean): Readonly<Record<string, string | undefined>> {
  const { os, architecture, variant } = platform
  const isArm = architecture === 'arm'
  return {
    PLATFORM: isArm && !isGiven ? undefined : formatPlatform(platform),
    OS: os,
    ARCH: architecture,
    // Of ARM engines name one, or leave it out where it is the usual one.
    VARIANT: architecture.startsWith('arm') && !isGiven ? undefined : (variant ?? ''),
  }
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
