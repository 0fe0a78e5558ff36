import type { Engine, ResolvedEngine } from '../engine/engine.js'
import { makeWorkDirBelow } from '../engine/work-dir.js'
import { formatPlatform, platformFolder } from '../lib/platform.js'
import { info, withPrefix } from '../log.js'
import { tellChecks } from './prepare/checks.js'
import { specify, type Wanted } from './engine.js'
import type { PipelineContext } from './pipeline-context.js'
import { inputsOf } from './platforms/platform-outputs.js'
import { settingsOnDemand } from './prepare/read-settings.js'
import { restoreCache } from './cache/restore-cache.js'
import { settleFormat } from './prepare/settle-format.js'
import { pretendCache } from './cache/start-cache.js'

/** What is known of an image that isn't built. */
export interface Preview {
  readonly engine: Engine
  readonly hasAnnotations: boolean
}

/** One command, or one for each platform. */
export async function previewAll(wanted: Wanted, found: ResolvedEngine, pipeline: PipelineContext): Promise<Preview> {
  const { platforms } = wanted.inputs
  if (platforms.length < 2 || found.forPlatform === undefined) return await previewOne(wanted, found, pipeline)
  const previews: Preview[] = []
  for (const platform of platforms) {
    const inputs = inputsOf(platform, wanted.inputs, pipeline.workDir.path)
    const workDir = await makeWorkDirBelow(pipeline.workDir, platformFolder(platform), pipeline.context.env)
    const own = await found.forPlatform(inputs, workDir)
    const preview = () => previewOne({ ...wanted, inputs }, own, { ...pipeline, workDir })
    previews.push(await withPrefix(formatPlatform(platform), preview))
  }
  const [first] = previews
  if (first === undefined) throw new Error('there is no platform')
  return first
}

/** Says the cache key and the command of a build. */
async function previewOne(
  wanted: Wanted,
  found: ResolvedEngine,
  { context, workDir, ...pipeline }: PipelineContext,
): Promise<Preview> {
  const { inputs, metadata } = wanted
  const pending = pretendCache({ inputs, context, repositories: metadata.repositories })
  const { scope } = pending.plan
  const settings = settingsOnDemand(wanted, found, { ...pipeline, context, workDir })
  await tellChecks(wanted, found, settings, context)
  const format = await settleFormat(wanted, found, settings)
  const spec = specify({ ...wanted, format }, found)
  const restored = await restoreCache(pending, { ...spec, copied: new Map() }, found.store, workDir.path)
  const engine = await found.configure(restored.warm.root)
  const command = engine.preview({ ...spec, images: [], cache: restored.access, onSteps: () => undefined })
  await engine.close()
  info(`Cache key: ${scope.text} (${scope.id})`)
  info(`Command:\n${indent(command)}`)
  if (inputs.tests.length > 0) info(`Test:\n${indent(inputs.tests.map(({ text }) => text).join('\n'))}`)
  return { engine, hasAnnotations: spec.annotations.length > 0 }
}

/** Each line two columns to the right. Pure. */
export function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
