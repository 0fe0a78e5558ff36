import type { BuildSpec } from '../../engine/engine.js'
import { makeWorkDirBelow } from '../../engine/work-dir.js'
import { BUILD } from '../../report/timeline.js'
import { type Building, type BuiltStage, buildStages, readyStages, stepsOf } from './build-stages.js'
import type { ReadyStages } from '../build/built-stages.js'
import { withDiskLine } from '../build/disk-line.js'
import type { PipelineContext } from '../pipeline-context.js'
import { restoreFor } from '../cache/restore-cache.js'
import type { StagesResult } from '../result.js'
import { saveCache } from '../cache/save-cache.js'
import type { StagesJob } from './stages-job.js'
import { lookAtContext, withCache } from '../cache/start-cache.js'

/** Gets stages, and ends when nobody needs them any more; undefined where each image must have its own after all. */
type Use = (stages: ReadyStages | undefined) => Promise<void>

/**
 * Builds stages for the machine itself, with a storage and a cache of their own, and keeps them there as long as they are
 * used.
 */
export async function makeStages(job: StagesJob, pipeline: PipelineContext, use: Use): Promise<StagesResult> {
  const { inputs, source, format, metadata } = job.wanted
  const own = { ...inputs, platforms: [], outputs: [], tests: [], load: false, push: false }
  const workDir = await makeWorkDirBelow(pipeline.workDir, 'stages', pipeline.context.env)
  const record = pipeline.record.ofBuild()
  const there = { ...pipeline, workDir, record, timeline: pipeline.timeline.of(job.label) }
  return await withCache({ inputs: own, metadata, isOfStages: true }, there, async (cache) => {
    const engine = (await job.engine.forPlatform?.(own, workDir)) ?? job.engine
    const target = job.stages.at(-1)?.name
    const spec = { inputs: own, source: { ...source, target }, format, references: [], labels: [], annotations: [] }
    const restored = await restoreFor(spec, { engine, cache, copied: lookAtContext(cache, source) }, there)
    const configured = await engine.configure(restored.warm.root)
    const building = { engine: configured, restored, env: workDir.env }
    try {
      return await buildAndHandOut({ ...job, engine }, spec, building, { ...there, use })
    } finally {
      await configured.close()
    }
  })
}

async function buildAndHandOut(
  { engine, stages, label }: StagesJob,
  spec: BuildSpec,
  building: Building,
  {
    timeline,
    services,
    record,
    use,
  }: Pick<PipelineContext, 'timeline' | 'services' | 'record'> & { readonly use: Use },
): Promise<StagesResult> {
  const { root } = building.restored.warm
  const built: BuiltStage[] = []
  const keep = async (failed: boolean) => {
    const steps = stepsOf(built)
    const run = { steps, imageId: undefined, references: [], pushed: [] }
    record.add({ label, steps })
    const { report, later } = await timeline.during('save', () => saveCache(building.restored, run, failed))
    if (later !== undefined) services.remember({ later: [later] })
    return { label, steps, cache: report }
  }
  try {
    await timeline.during(BUILD, () => withDiskLine(root, () => buildStages(stages, spec, building, built)))
    await use(await readyStages(built, spec, building, engine.store))
  } catch (error) {
    await keep(true)
    throw error
  }
  return await keep(false)
}
