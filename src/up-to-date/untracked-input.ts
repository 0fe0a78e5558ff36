import { hiddenArgument } from '../engine/buildah/build/args.js'
import type { Inputs } from '../runner/inputs.js'
import type { Source } from '../source/source.js'

/** What keeps from telling what a step depends on, as a noun. */
export function untrackedInput(
  { extraArgs }: Inputs,
  { file, dockerfile }: Pick<Source, 'file' | 'dockerfile'>,
): string | undefined {
  const argument = hiddenArgument(extraArgs)
  if (argument !== undefined) return `${argument} in "extra-args"`
  const { ambiguous } = dockerfile
  if (ambiguous !== undefined) return `line ${ambiguous} (BuildKit and Buildah read it differently)`
  return file.endsWith('.in') ? `the preprocessor of ${file}` : undefined
}
