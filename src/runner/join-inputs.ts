import { isSamePlatform, nativePlatform, type Platform, runsOn } from '../lib/platform.js'
import { type InputReader, lines, refuse } from './input-parsers.js'

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
