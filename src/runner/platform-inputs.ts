import {
  formatPlatform,
  isSamePlatform,
  nativePlatform,
  parsePlatforms,
  type Platform,
  runsOn,
} from '../lib/platform.js'
import { type InputReader, lines, refuse } from './input-parsers.js'

/** What of the inputs says which platforms are built. */
export interface PlatformInputs {
  /** In the order in which they are given; none stands for the platform of the runner. */
  readonly platforms: readonly Platform[]
}

/** Reads the input `platforms`. @throws UserError for what isn't a platform */
export function platforms(read: InputReader, input: string): Platform[] {
  return parsePlatforms(lines(read(input)))
}

/** The same inputs for the build of one of their platforms; pure. */
export function forPlatform<T extends PlatformInputs>(inputs: T, platform: Platform): T {
  return { ...inputs, platforms: [platform] }
}

/** The platform that a build of one platform is for. @throws Error where there are several */
export function targetPlatform({ platforms: given }: PlatformInputs): Platform {
  const [platform = nativePlatform(), other] = given
  if (other !== undefined) throw new Error('a build of several platforms has no platform of its own')
  return platform
}

/** Whether an engine has to be told it, since it isn't the platform of the machine. */
export function isForeign(platform: Platform): boolean {
  return !isSamePlatform(platform, nativePlatform())
}

/** The name of the platform that a build is for, where an engine has to be told it. Pure. */
export function foreignPlatform(inputs: PlatformInputs): string | undefined {
  const platform = targetPlatform(inputs)
  return isForeign(platform) ? formatPlatform(platform) : undefined
}

/** Reads the input `digests`, each once. @throws UserError for what isn't a digest */
export function digests(read: InputReader, input: string): string[] {
  const found = lines(read(input))
  const wrong = found.find((line) => !/^sha256:[0-9a-f]{64}$/.test(line))
  if (wrong !== undefined) throw refuse(input, wrong, 'Write one digest per line: `sha256:` and 64 hexadecimal digits.')
  return [...new Set(found)]
}

/** Whether a machine runs programs of a platform by itself: of its own one, an earlier ARM, or the 32 bits of an amd64. Pure. */
export function isOwn(platform: Platform, machine: Platform = nativePlatform()): boolean {
  const isHalf = platform.architecture === '386' && machine.architecture === 'amd64'
  return isSamePlatform(platform, machine) || runsOn(platform, machine) || (isHalf && platform.os === machine.os)
}
