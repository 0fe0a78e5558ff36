import { readCopy } from '../../dockerfile/copies.js'
import type { Instruction } from '../../dockerfile/dockerfile.js'

/**
 * What an instruction that failed didn't find in the context, from what Docker printed; undefined where something else
 * is wrong. COPY and ADD print nothing, so that the last error is the builder's own. Pure.
 */
export function missingPath(output: string, instruction: Instruction): string | undefined {
  const copy = readCopy(instruction)
  // Of another stage, BuildKit says the same.
  if (copy === undefined || copy.from !== undefined) return undefined
  const lines = output.trimEnd().split('\n')
  const error = lines.findLast((line) => /^(ERROR: |failed to )/.test(line)) ?? ''
  const [, quoted] =
    /failed to compute cache key: .*?"\/([^"\\]+)"(?:: not found| not found: not found)$/.exec(error) ?? []
  return quoted ?? missingSource(error, copy.paths ?? [])
}

/** Where the error names a folder alone, and only one of the sources can be meant. */
function missingSource(error: string, sources: readonly string[]): string | undefined {
  const [, folder] =
    /failed to compute cache key: failed to walk \S+\/buildkit-mount\d+\/(.+?): lstat /.exec(error) ?? []
  const isMeant = (path: string) => folder !== undefined && path.startsWith(`${folder}/`)
  const meant = sources.filter(isMeant)
  return meant.length === 1 ? meant[0] : undefined
}
