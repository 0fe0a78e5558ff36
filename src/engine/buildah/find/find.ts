import { info, result, warn } from '../../../log.js'
import type { DockerStorage, FoundEngine, ResolvedEngine } from '../../engine.js'
import type { EngineRequest } from '../../engines.js'
import { checkRequest } from './checks.js'
import { writeFirstStorageConf } from '../configure.js'
import { emulationFor } from '../emulation/for-build.js'
import { readHost } from './host.js'
import { type Buildah, provideBuildah } from './install.js'
import { describeMode, preflight } from './preflight.js'
import { mayRun, needsOf } from './requirements.js'
import { knownBuildah, resolvedBuildah } from './resolved.js'
import { checkSecrets, knownHole, refuseCacheMountsOutside } from '../sandbox/leaks.js'

/**
 * Finds or installs Buildah. Whether and how it can build here is found out when it is asked to be ready: who has nothing
 * to build needn't know.
 * @param onProgram gets the path of the program that makes its user namespaces, as soon as it is known
 * @throws UserError when there is none that can build this: why, and what to do
 */
export async function findBuildah(
  selection: EngineRequest,
  onProgram: (path: string) => void,
  docker: DockerStorage,
): Promise<FoundEngine> {
  const { inputs, source, context, folder, labels } = selection
  await checkRequest(selection)
  const needs = needsOf(inputs, source.dockerfile, labels)
  const buildah = await provideBuildah(
    { range: inputs.buildahVersion, manifest: inputs.buildahManifest, needs },
    context,
    folder,
  )
  onProgram(buildah.launcher)
  await writeFirstStorageConf(folder, buildah)
  refuseCacheMountsOutside(source.dockerfile, buildah.version)
  return {
    ...knownBuildah(selection, buildah),
    isReady: false,
    ready: () => makeReady(selection, buildah, docker),
  }
}

/** @throws UserError when it can't build here: why, and what to do */
async function makeReady(selection: EngineRequest, buildah: Buildah, docker: DockerStorage): Promise<ResolvedEngine> {
  const { inputs, source, context, folder } = selection
  const host = await readHost(folder.buildUser, folder.path, folder.env)
  const { mode, notes, warnings, namespace } = await preflight(
    { ...inputs, runs: mayRun(source.dockerfile) },
    { buildah, folder, host, context },
  )
  result(
    `Engine: Buildah ${buildah.version} (${buildah.path}, ${buildah.reason}), as ${folder.buildUser.name} (${folder.buildUser.reason}); ${describeMode(mode)}`,
  )
  for (const note of notes) info(`  skipped: ${note}`)
  for (const text of warnings) warn(text)
  checkSecrets(inputs, knownHole(source.dockerfile, { version: buildah.version, isolation: mode.isolation }))
  const emulation = await emulationFor(selection, { buildah, folder, host, context })
  return resolvedBuildah(selection, { buildah, mode, emulation, docker, namespace }, host)
}
