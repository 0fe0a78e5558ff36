import type { Analysis } from '../../../dockerfile/analysis.js'
import { hasOpenHeredoc } from '../../../dockerfile/open-heredocs.js'
import { mountsOnFiles } from '../../../dockerfile/mounts-on-files.js'
import { type DefaultKind, inheritedArguments } from '../../../dockerfile/inherited-arguments.js'
import { platformDefaults } from '../../../dockerfile/platform-defaults.js'
import type { FaultName, KnownWrong } from '../../../dockerfile/known-wrong.js'
import { imagesAfterOtherPlatform, linesWithPlatform } from '../../../dockerfile/stage-platforms.js'
import { twinStages } from '../../../dockerfile/twin-stages.js'
import { stepsAfterVolumes } from '../../../dockerfile/volumes.js'
import type { Platform } from '../../../lib/platform.js'
import { isForeign } from '../../../runner/platform-inputs.js'
import { type Find, type Finding, placed, rowsOf } from './fault-rows.js'

/** The oldest release whose flags are all as they are used here; hosted runners of 2022 have it. */
export const OLDEST_BUILDAH = '1.23.0'

/** The facts that are known before Buildah is chosen: those of the Dockerfile and the platform. */
interface EarlyFacts {
  readonly analysis: Analysis
  /** What the image is for. */
  readonly platform: Platform
  /** Index of the stage that is built. */
  readonly target: number
}

/** Finders of the faults that need another release. */
const REFUSED: Partial<Record<FaultName, Find<EarlyFacts>>> = {
  gitRepository: ({ analysis }) =>
    analysis.stages
      .flatMap(({ steps }) => steps)
      .filter(({ instruction, copy }) => instruction.keyword === 'ADD' && copy?.sources.some(isRepository))
      .map(({ instruction }) => ({ line: instruction.line })),
  inheritedArgument: ({ analysis }) => inheritedOf(['plain', 'read', 'other'], analysis),
  inheritedDefault: ({ analysis }) => inheritedOf(['read'], analysis),
  inheritedVariable: ({ analysis }) => inheritedOf(['other'], analysis),
  twinStage: ({ analysis, target }) => twinStages(analysis, target).map(({ line }) => ({ line })),
  heredocVariable: ({ analysis }) =>
    analysis.stages
      .flatMap(({ steps }) => steps)
      .filter(({ instruction }) => instruction.keyword === 'RUN' && hasOpenHeredoc(instruction))
      .map(({ instruction }) => ({ line: instruction.line })),
  volume: ({ analysis }) =>
    stepsAfterVolumes(analysis)
      .filter(({ isNamed }) => isNamed)
      .map(({ line, volume }) => ({ line, detail: volume })),
  mountOnFiles: ({ analysis }) => mountsOnFiles(analysis).map(({ line, target }) => ({ line, detail: target })),
  platformOfNextStage: ({ analysis, platform }) =>
    imagesAfterOtherPlatform(analysis, platform).map(({ line, image }) => ({ line, detail: image })),
  buildPlatform: ({ analysis, platform }) => placesOf(analysis, platform, 'BUILDPLATFORM'),
  targetPlatform: ({ analysis, platform }) => placesOf(analysis, platform, 'TARGETPLATFORM'),
  armVariant: ({ platform: { architecture, variant } }) =>
    architecture === 'arm' && /^v[56]$/.test(variant ?? '') ? [{}] : [],
  // Those with the value that the platform has are gone by now.
  otherPlatformDefault: ({ analysis }) => platformDefaults(analysis).map(({ line, name }) => ({ line, detail: name })),
}

/** Where a stage names an argument of the stage below it with such a default. */
function inheritedOf(kinds: readonly DefaultKind[], analysis: Analysis): Finding[] {
  const found = inheritedArguments(analysis).filter(({ kind }) => kinds.includes(kind))
  return found.map(({ line, name }) => ({ line, detail: name }))
}

/** Lines of FROM with such a variable, in an image for another platform than the machine's. */
function placesOf(analysis: Analysis, platform: Platform, variable: string): Finding[] {
  return isForeign(platform) ? linesWithPlatform(analysis, variable).map((line) => ({ line })) : []
}

/** Whether Buildah takes a source of ADD for a Git repository. */
function isRepository(source: string): boolean {
  return /^https?:\/\/.*\.git(#.+)?$/.test(source)
}

/** A fault that some releases have, with those that don't, as `Need` has them. */
export interface RefusedFault {
  readonly what: string
  readonly since: string | undefined
  readonly below?: string | undefined
  readonly remedy?: string | undefined
}

/** What a Dockerfile has that some releases build wrongly; pure. */
export function refusedFaults(facts: EarlyFacts): RefusedFault[] {
  return rowsOf(REFUSED).flatMap((row) => {
    const { versions, ...releases } = releasesFor(row)
    const wrong = `(in ${versions} versions, ${row.wrong})`
    return row.find(facts).map((finding) => ({ what: `${placed(finding, row.what)} ${wrong}`, ...releases }))
  })
}

/** The releases that don't have it, and a word for those that do. */
function releasesFor({
  since,
  until,
  remedy,
}: KnownWrong): Omit<RefusedFault, 'what'> & { readonly versions: 'all' | 'newer' | 'older' } {
  if (until !== undefined) return { versions: 'older', since: until }
  if (since !== undefined) return { versions: 'newer', since: OLDEST_BUILDAH, below: since, remedy }
  return { versions: 'all', since: undefined, remedy }
}
