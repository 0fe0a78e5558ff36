import { describe } from '../../errors.js'
import { CommandError } from '../../exec.js'
import { warn } from '../../log.js'
import type { Pair } from '../../runner/input-parsers.js'
import type { BuildRequest, Image } from '../engine.js'
import { lineUnderWay, type Step } from '../progress.js'
import { prepareFiles } from './build-files.js'
import { explain } from './failures.js'
import { readSize } from './images.js'
import { buildApart } from './sandboxed-build.js'
import type { BuildahSetup } from './setup.js'

/**
 * Builds, and once more without `--cache-to` where the registry doesn't accept the steps.
 * @param contexts of `prepareContexts`
 */
export async function build(asked: BuildRequest, contexts: readonly Pair[], setup: BuildahSetup): Promise<Image> {
  const { source, remote } = asked
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
    if (!isCacheRefusal(error) || remote.to.length === 0) throw await failed(error)
    warn(`Cache: ${remote.to.join(', ')} didn't accept the cache export; continuing without it. ${describe(error)}`)
    const alone = { ...request, remote: { ...remote, to: [] } }
    return await buildApart(alone, setup, paths).catch(async (again: unknown) => {
      throw await failed(again)
    })
  })
  return { ...image, size: await readSize(image, setup) }
}

/** Buildah fails a build whose steps it can't push to where `--cache-to` says. A cache is no reason to fail. */
function isCacheRefusal(error: unknown): boolean {
  return error instanceof CommandError && error.output.includes('failed pushing cache to')
}
