import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { formatPlatform } from '../../lib/platform.js'
import type { Leg } from './distribute.js'
import type { Wanted } from '../engine.js'
import { type PushedPlatform, putIndex } from '../push/image-index.js'
import { joinKeyOf } from './join-key.js'
import { joinLegs } from './join-legs.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import { imageDigest, type Result } from '../result.js'

/** Meets the other legs of the run, and puts the index where this is the one that does. */
export async function meetLegs(
  leg: Leg,
  own: readonly PushedPlatform[],
  wanted: Wanted,
  pipeline: PipelineContext,
): Promise<Pick<Result, 'pushed' | 'descriptor' | 'joined' | 'platformDigests'>> {
  const { context, services, workDir } = pipeline
  const { metadata } = wanted
  const { run, attempt, names } = context.event
  const stagingDir = join(workDir.path, 'legs')
  await mkdir(stagingDir, { mode: 0o700 })
  const key = { run, attempt, join: await joinKeyOf(wanted, leg, names.sha), platforms: leg.all.length }
  const meeting = services.caches.openMeeting(context, key, stagingDir)
  const registries = await openRegistries(pipeline)
  try {
    const { platforms, ...joined } = await joinLegs(leg, own, {
      ...{ meeting, registries, references: metadata.references, hasNumbers: !context.act, isRerun: attempt !== '1' },
      put: (all) => putIndex(metadata, all, pipeline),
    })
    const digests = platforms.flatMap(({ platform, pushed: [pushed] }) =>
      pushed === undefined ? [] : [[formatPlatform(platform), imageDigest(pushed)] as const],
    )
    return { ...joined, platformDigests: Object.fromEntries(digests) }
  } finally {
    meeting.close()
    registries.close()
  }
}
