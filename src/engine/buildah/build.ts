import type { Pair } from '../../runner/input-parsers.js'
import type { BuildRequest, Image } from '../engine.js'
import { lineUnderWay, type Step } from '../progress.js'
import { prepareFiles } from './build-files.js'
import { explain } from './failures.js'
import { readSize } from './images.js'
import { buildApart } from './sandboxed-build.js'
import type { BuildahSetup } from './setup.js'

/** Builds. @param contexts of `prepareContexts` */
export async function build(asked: BuildRequest, contexts: readonly Pair[], setup: BuildahSetup): Promise<Image> {
  const { source } = asked
  let line: number | undefined
  const onSteps = (steps: readonly Step[]) => {
    line = lineUnderWay(steps, source.dockerfile)
    asked.onSteps(steps)
  }
  const paths = await prepareFiles(asked, contexts, setup)
  const request = { ...asked, onSteps }
  const image = await buildApart(request, setup, paths).catch(async (error: unknown) => {
    throw await explain(error, source, line === undefined ? undefined : { file: source.file, line }, setup)
  })
  return { ...image, size: await readSize(image, setup) }
}
