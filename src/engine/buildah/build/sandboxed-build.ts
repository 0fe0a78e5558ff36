import type { BuildRequest, Image } from '../../engine.js'
import { buildOnce } from './build-once.js'
import type { BuildPaths } from './build-paths.js'
import { withLatePulls } from './late-pulls.js'
import { refuseMountsBesideStorage } from './mounts-beside-storage.js'
import { sayJobs, withOneJobAtLast } from './one-job-at-last.js'
import { pullImages } from '../images/pulls.js'
import { pullsItself } from './reuse-args.js'
import { checkLogins } from '../sandbox/leaks.js'
import type { BuildahSetup } from '../setup.js'

/** Builds in a sandbox of its own, which ends with the build: nothing that a step has left running goes on. */
export async function buildApart(request: BuildRequest, setup: BuildahSetup, paths: BuildPaths): Promise<Image> {
  const { buildah, sandboxes } = setup
  refuseMountsBesideStorage(request, { buildah, root: sandboxes.root })
  sayJobs(request, setup)
  if (pullsItself(request)) {
    checkLogins(request.inputs, request.images)
    const sandbox = await sandboxes.forBuildWithLogin()
    return await buildOnce(request, setup, paths, sandbox).finally(() => sandbox.close())
  }
  const { isComplete = false } = request
  const failed = await pullImages(isComplete ? [] : request.images, request.inputs.pull, setup)
  const build = async (asked: BuildRequest) => {
    const sandbox = await sandboxes.forBuild()
    return await buildOnce(asked, setup, paths, sandbox).finally(() => sandbox.close())
  }
  const buildAll = () => withOneJobAtLast(build, request, setup)
  return await (isComplete ? buildAll() : withLatePulls(buildAll, request, failed, setup))
}
