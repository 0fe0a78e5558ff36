import { formatPlatform } from '../lib/platform.js'
import { NO_CACHE_REPORT } from '../report/cache-stats.js'
import { startTimeline, type Timeline } from '../report/timeline.js'
import { imageDigest, type Made, type PlatformResult, type Result, type StagesResult } from './result.js'

/** What is known so far of a run, or of one of its builds. */
export type Known = Partial<Made & Pick<PlatformResult, 'platform'> & Pick<StagesResult, 'label'>>

/** What has become of a run so far: what is told of it if it fails. */
export interface RunRecord {
  /** Adds what is known now. What it doesn't name stays. */
  readonly add: (known: Known) => void
  /** The record of another one of several builds. */
  readonly ofBuild: () => RunRecord
  readonly known: () => Known
  /** Of each of several builds. */
  readonly builds: () => readonly Known[]
}

export function startRecord(): RunRecord {
  let known: Known = {}
  const builds: RunRecord[] = []
  return {
    add(more) {
      known = { ...known, ...more }
    },
    ofBuild() {
      const build = startRecord()
      builds.push(build)
      return build
    },
    known: () => known,
    builds: () => builds.map((build) => build.known()),
  }
}

/** Where it is written down what a run does, while it does it. */
export interface Books {
  readonly timeline: Timeline
  readonly record: RunRecord
}

/** @param clock milliseconds */
export function openBooks({ clock }: { readonly clock: () => number }): Books {
  return { timeline: startTimeline(clock), record: startRecord() }
}

/** Whether it has left something in a registry. Pure. */
export function hasPushed({ pushed, platformDigests }: Result): boolean {
  return pushed.length > 0 || Object.keys(platformDigests).length > 0
}

/** The result of a run that has failed, as far as it came; undefined where not even the names of the image are known. */
export function resultSoFar({ record, timeline }: Books): Result | undefined {
  const { metadata, ...known } = record.known()
  if (metadata === undefined) return undefined
  const platforms = record.builds().flatMap(({ platform, ...one }) => {
    return platform === undefined ? [] : [{ ...NOTHING, ...one, platform }]
  })
  const stages = record.builds().find(({ label }) => label !== undefined)
  const digests = [known, ...record.builds()].flatMap(({ platform, pushed: [pushed] = [] }) =>
    platform === undefined || pushed === undefined ? [] : [[formatPlatform(platform), imageDigest(pushed)] as const],
  )
  return {
    ...{
      ...NOTHING,
      platforms,
      platformDigests: Object.fromEntries(digests),
      verifications: [],
      phases: timeline.phases(),
      metadata,
    },
    ...(stages?.label !== undefined && { stages: { ...NOTHING, ...stages, label: stages.label } }),
    ...known,
  }
}

const NOTHING = {
  ...{ built: false, imageId: '', pushed: [], engine: undefined, storageConf: '', steps: [], cache: NO_CACHE_REPORT },
}
