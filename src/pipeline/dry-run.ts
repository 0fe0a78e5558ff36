import { formatPlatform, type Platform } from '../lib/platform.js'
import { info } from '../log.js'
import { listLabels } from '../metadata/labels.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { NO_CACHE_REPORT } from '../report/cache-stats.js'
import { findEngine, type Wanted } from './engine.js'
import { annotationsAt } from './prepare/annotations.js'
import type { Metadata } from './prepare/metadata.js'
import { annotationLines } from './outputs.js'
import type { PipelineContext } from './pipeline-context.js'
import { indent, previewAll } from './preview.js'
import type { Made } from './result.js'

const NOTHING = 'Dry run: nothing is built or pushed.'

/** Works out everything up to the build, and says it. */
export async function dryRun(wanted: Wanted, pipeline: PipelineContext): Promise<Made> {
  const { metadata } = wanted
  const found = await (await findEngine(wanted, pipeline)).ready()
  info(NOTHING)
  const { engine, hasAnnotations } = await previewAll(wanted, found, pipeline)
  tellReferences(metadata)
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

/** Says which index of images that are there already would be put under which references. */
export function tellIndex(
  { digest }: { readonly digest: string },
  images: readonly { readonly platform: Platform; readonly digest: string }[],
  metadata: Metadata,
): void {
  info(NOTHING)
  const lines = images.map((one) => `${formatPlatform(one.platform)}: ${one.digest}`)
  info(`Index ${digest} of:\n${indent(lines.join('\n'))}`)
  tellReferences(metadata)
  const annotations = listLabels(new Map(Object.entries(annotationsAt(metadata, 'index').annotations)))
  if (annotations !== '') info(`Annotations:\n${indent(annotations)}`)
}

function tellReferences({ references }: { readonly references: readonly Reference[] }): void {
  info(`References:\n${indent(references.length === 0 ? 'none' : references.map(formatReference).join('\n'))}`)
}
