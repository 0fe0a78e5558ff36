import { info } from '../log.js'
import { listLabels } from '../metadata/labels.js'
import { formatReference } from '../metadata/reference.js'
import { NO_CACHE_REPORT } from '../report/cache-stats.js'
import { findEngine, specify, type Wanted } from './engine.js'
import type { PipelineContext } from './pipeline-context.js'
import { restoreCache } from './restore-cache.js'
import type { Result } from './result.js'
import { settleFormat } from './settle-format.js'
import { pretendCache } from './start-cache.js'

/** Works out everything up to the build, and says it. */
export async function dryRun(wanted: Wanted, pipeline: PipelineContext): Promise<Result> {
  const { inputs, metadata } = wanted
  const { context, workDir } = pipeline
  const pending = pretendCache({ inputs, context, references: metadata.references })
  const { scope } = pending.plan
  const found = await findEngine(wanted, pipeline)
  const format = await settleFormat(wanted, found, pipeline)
  const spec = specify({ ...wanted, format }, found, pending.plan)
  const restored = await restoreCache(pending, { ...spec, copied: new Map() }, found.store, workDir.path)
  const engine = await found.configure(restored.warm.root)
  const { remote, access } = restored
  const command = engine.preview({ ...spec, images: [], remote, cache: access, onSteps: () => undefined })
  await engine.close()
  const references = metadata.references.map(formatReference)
  info(`Dry run: nothing is built or pushed.`)
  info(`Cache key: ${scope.text} (${scope.id})`)
  info(`References:\n${indent(references.length === 0 ? 'none' : references.join('\n'))}`)
  info(`Labels:\n${indent(listLabels(metadata.labels))}`)
  if (spec.annotations.length > 0) info(`Annotations:\n${indent(listLabels(metadata.annotations))}`)
  info(`Command:\n${indent(command)}`)
  if (inputs.tests.length > 0) info(`Test:\n${indent(inputs.tests.map(({ text }) => text).join('\n'))}`)
  return {
    metadata,
    built: false,
    imageId: '',
    pushed: [],
    engine,
    cache: NO_CACHE_REPORT,
    storageConf: '',
    steps: [],
    phases: [],
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
