import type { Analysis } from '../../../dockerfile/analysis.js'
import { type Answer, type FaultName, getsWrong } from '../../../dockerfile/known-wrong.js'
import { stepsAfterVolumes } from '../../../dockerfile/volumes.js'
import { analysisOf } from '../../../source/analysis.js'
import type { ResolvedEngine } from '../../engine.js'
import { type Find, placed, rowsOf } from './fault-rows.js'

/** The facts by which faults are found. */
export interface FaultFacts {
  readonly analysis: Analysis
  /** Of the storage: `overlay-rootless`. */
  readonly layout: string
  /** Volumes of base images, by their names. */
  readonly volumes: ReadonlyMap<string, readonly string[]>
}

/** Finders of the faults that the user is told of, in the order of the messages. */
const TOLD: Partial<Record<FaultName, Find<FaultFacts>>> = {
  perhapsVolume: ({ analysis }) =>
    stepsAfterVolumes(analysis)
      .filter(({ isNamed }) => !isNamed)
      .map(({ line, volume }) => ({ line, detail: volume }))
      // One warning for all of them.
      .slice(0, 1),
  volumeOfBase: ({ analysis, volumes }) =>
    stepsAfterVolumes(analysis, volumes)
      .filter(({ isNamed, volume }) => isNamed && [...volumes.values()].flat().includes(volume))
      .map(({ line, volume }) => ({ line, detail: volume })),
  overlayAttribute: ({ layout }) => (layout === 'overlay-rootless' ? [{}] : []),
}

/** Whether this release loses changes in volumes of base images, so that the volumes must be known; pure. */
export function losesVolumes(version: string): boolean {
  return getsWrong('volumeOfBase', version)
}

/** What this release is known to get wrong in a storage of this layout. */
export function knownFaultsOf(version: string, layout: FaultFacts['layout']): ResolvedEngine['knownFaults'] {
  return {
    ofVolumes: losesVolumes(version),
    tell: ({ inputs, source }, volumes) =>
      toldFaults(version, { analysis: analysisOf(inputs, source.dockerfile, undefined), layout, volumes }),
  }
}

/** The messages about a build by this version, as sentences; pure. */
export function toldFaults(
  version: string,
  facts: FaultFacts,
): { readonly warnings: string[]; readonly notes: string[] } {
  const told = (wanted: Answer) =>
    rowsOf(TOLD)
      .filter(({ name, answer }) => answer === wanted && getsWrong(name, version))
      .flatMap(({ what, until = '', wrong, find }) =>
        find(facts).map((finding) => `${placed(finding, what)}: with Buildah below ${until}, ${wrong}`),
      )
  return { warnings: told('warning'), notes: told('note') }
}
