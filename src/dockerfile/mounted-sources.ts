import type { Analysis } from './analysis.js'
import { showsContext } from './copies.js'
import { valuesInStages } from './stage-values.js'

/**
 * What RUN mounts of the context, as it is written, each once: with the values of variables, as far as they are known before
 * the build, and also where ONBUILD puts a RUN off. What only the engine can read is left out. Pure.
 */
export function mountedSources(analysis: Analysis): string[] {
  const expandAt = valuesInStages(analysis)
  const sources = analysis.stages
    .flatMap(({ steps }) => steps)
    .flatMap(({ instruction, mounts, triggers }) =>
      [...mounts, ...triggers.flatMap((trigger) => trigger.mounts)]
        .filter((mount) => mount.isReadable && showsContext(mount))
        .map(({ source }) => expandAt(source, instruction)),
    )
  return [...new Set(sources)].filter((source) => !source.includes('$'))
}
