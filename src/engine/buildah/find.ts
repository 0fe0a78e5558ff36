import { stepsOf } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import { quote } from '../../lib/quote.js'
import { info, result, warn } from '../../log.js'
import { formatReference } from '../../metadata/reference.js'
import { checkReadable } from '../access.js'
import type { DockerStorage, EngineRequest, ResolvedEngine } from '../engine.js'
import { privateRoot, storageConf } from '../work-dir.js'
import { writeStorageConf } from './configure.js'
import { readHost } from './host.js'
import { provideBuildah } from './install.js'
import { preflight } from './preflight.js'
import type { ExecutionMode } from './probe.js'
import { needsOf, withIpv6 } from './requirements.js'
import { resolvedBuildah } from './resolved.js'
import { checkSecrets, knownHole, refuseCacheMountsOutside } from './sandbox/leaks.js'

/**
 * Finds or installs Buildah, and makes sure that it can build here.
 * @param onProgram gets the path of the program that makes its user namespaces, as soon as it is known
 * @throws UserError when it can't: why, and what to do
 */
export async function findBuildah(
  selection: EngineRequest,
  onProgram: (path: string) => void,
  docker: DockerStorage,
): Promise<ResolvedEngine> {
  const { inputs, source, context, folder, labels } = selection
  if (folder.buildUser.buildahUnavailable !== undefined) throw folder.buildUser.buildahUnavailable
  refuseIpv6(selection)
  await checkReadable(source, folder.buildUser, context)
  const needs = needsOf(inputs, source.dockerfile, labels)
  const buildah = await provideBuildah(
    { range: inputs.buildahVersion, manifest: inputs.buildahManifest, needs },
    context,
    folder,
  )
  onProgram(buildah.launcher)
  await writeStorageConf(folder, buildah, storageConf(folder.path, privateRoot(folder.path)))
  const host = await readHost(folder.buildUser, folder.path, folder.env)
  const runs = stepsOf(source.dockerfile).some(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
  const { mode, notes, warnings } = await preflight({ ...inputs, runs }, { buildah, folder, host, context })
  result(
    `Engine: Buildah ${buildah.version} (${buildah.path}, ${buildah.reason}), as ${folder.buildUser.name} (${folder.buildUser.reason}); ${describeMode(mode)}`,
  )
  for (const note of notes) info(`  skipped: ${note}`)
  for (const text of warnings) warn(text)
  refuseCacheMountsOutside(source.dockerfile, buildah.version)
  checkSecrets(inputs, knownHole(source.dockerfile, { version: buildah.version, isolation: mode.isolation }))
  return resolvedBuildah(selection, { buildah, mode, docker }, host)
}

function refuseIpv6({ source, references }: EngineRequest): void {
  const name = withIpv6(references.map(formatReference), source.dockerfile)
  if (name === undefined) return
  throw new UserError(
    `Reference ${quote(name)}: Buildah doesn't accept the IPv6 address of a registry in a name.`,
    'Give the address a name, with a line such as `fd00::2 registry.internal` in /etc/hosts, and write `registry.internal:5000`.',
  )
}

function describeMode({ driver, isolation, runtime, network }: ExecutionMode): string {
  const kept = runtime === undefined ? isolation : `${isolation} with ${runtime}`
  return `storage driver ${driver}, isolation ${kept}${network === 'default' ? '' : `, network ${network}`}`
}
