import { CommandError, formatCommand } from '../../../exec.js'
import type { Pair } from '../../../runner/input-parsers.js'
import type { BuildRequest, Image } from '../../engine.js'
import { lineUnderWay, type Step } from '../../progress.js'
import { buildArgs } from './args.js'
import { plannedPaths, prepareFiles } from './build-files.js'
import { explain } from '../failures.js'
import { readSize } from '../images/images.js'
import { buildApart } from './sandboxed-build.js'
import type { BuildahSetup } from '../setup.js'

/** Builds. @param contexts of `prepareContexts` */
export async function build(asked: BuildRequest, contexts: readonly Pair[], setup: BuildahSetup): Promise<Image> {
  const { source } = asked
  let done: readonly Step[] = []
  const onSteps = (steps: readonly Step[]) => {
    done = steps
    asked.onSteps(steps)
  }
  const failed = async (error: unknown) => {
    const line = lineUnderWay(done, source.dockerfile, error instanceof CommandError ? error.output : '')
    return await explain(error, source, line === undefined ? undefined : { file: source.file, line }, setup)
  }
  const paths = await prepareFiles(asked, contexts, setup)
  const request = { ...asked, onSteps }
  const image = await buildApart(request, setup, paths).catch(async (error: unknown) => {
    throw await failed(error)
  })
  return { ...image, size: await readSize(image, setup) }
}

/** The command line of a build, for the log. */
export function preview(request: BuildRequest, setup: BuildahSetup): string {
  return formatCommand([setup.buildah.path, ...buildArgs(request, setup, plannedPaths(request, setup))])
}
