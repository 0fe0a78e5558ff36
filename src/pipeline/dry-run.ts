import { info } from '../log.js'
import { listLabels } from '../metadata/labels.js'
import { formatReference } from '../metadata/reference.js'
import { NO_CACHE_REPORT } from '../report/cache-stats.js'
import { findEngine, type Wanted } from './engine.js'
import { annotationLines } from './outputs.js'
import type { PipelineContext } from './pipeline-context.js'
import { indent, previewAll } from './preview.js'
import type { Made } from './result.js'

/** Works out everything up to the build, and says it. */
export async function dryRun(wanted: Wanted, pipeline: PipelineContext): Promise<Made> {
  const { metadata } = wanted
  const found = await (await findEngine(wanted, pipeline)).ready()
  info(`Dry run: nothing is built or pushed.`)
  const { engine, hasAnnotations } = await previewAll(wanted, found, pipeline)
  const references = metadata.references.map(formatReference)
  info(`References:\n${indent(references.length === 0 ? 'none' : references.join('\n'))}`)
  info(`Labels:\n${indent(listLabels(metadata.labels))}`)
  if (hasAnnotations) info(`Annotations:\n${indent(annotationLines(metadata, ''))}`)
  return {
    metadata,
    ...{ built: false, imageId: '', pushed: [], platforms: [], platformDigests: {} },
    engine,
    cache: NO_CACHE_REPORT,
    ...{ storageConf: '', steps: [] },
  }
}
