import { join } from 'node:path'
import type { Inputs } from '../../../runner/inputs.js'
import type { Pair } from '../../../runner/input-parsers.js'
import { isFiles } from '../../../runner/output-files.js'
import type { BuildSpec } from '../../engine.js'
import { absoluteKeys } from '../../input-paths.js'
import { ownKeys, secretFiles, writeSecrets } from '../../secret-files.js'
import type { BuildPaths } from './build-paths.js'
import { dockerfilePath, writeDockerfile } from './dockerfile-copy.js'
import { ownContexts } from './folder-contexts.js'
import { fetchGitContexts } from './git-contexts.js'
import { ignorePath, writeIgnoreFile } from './ignore-file.js'
import type { BuildahSetup } from '../setup.js'

/** Name of the archive that Buildah writes the files of the image into. */
export const ROOTFS = 'rootfs.tar'

type Setup = Pick<BuildahSetup, 'folder' | 'context'>

/** Writes the Dockerfile and the ignore file in the forms that all versions of Buildah read alike. */
export async function writeSourceFiles(source: BuildSpec['source'], folder: BuildahSetup['folder']): Promise<void> {
  await writeIgnoreFile(source, folder)
  await writeDockerfile(source, folder)
}

/** Fetches and copies the contexts of the input `build-contexts`, as far as Buildah can't read them where they are. */
export async function prepareContexts(inputs: Inputs, { folder, context }: Setup): Promise<readonly Pair[]> {
  return await ownContexts(await fetchGitContexts(inputs, folder, context), folder, context.workspace)
}

/** Writes the files that a build needs, and says where they are. @param contexts of `prepareContexts` */
export async function prepareFiles(
  spec: BuildSpec,
  contexts: readonly Pair[],
  { folder, context }: Setup,
): Promise<BuildPaths> {
  const secrets = await writeSecrets(spec.inputs, folder, context)
  const ssh = await ownKeys(spec.inputs, folder, context)
  return { ...fixedPaths(spec, folder), contexts, secrets, ssh }
}

/** Where the files of a build would be; nothing is written. */
export function plannedPaths(spec: BuildSpec, { folder, context }: Setup): BuildPaths {
  const { inputs } = spec
  const ssh = inputs.ssh.map((keys) => absoluteKeys(keys, context.workspace))
  return { ...fixedPaths(spec, folder), contexts: inputs.buildContexts, secrets: secretFiles(inputs, folder), ssh }
}

function fixedPaths(
  { inputs, source }: BuildSpec,
  folder: BuildahSetup['folder'],
): Pick<BuildPaths, 'rootfs' | 'file' | 'ignore'> {
  return {
    rootfs: inputs.outputs.some(isFiles) ? join(folder.path, 'out', ROOTFS) : undefined,
    file: dockerfilePath(source, folder),
    ignore: ignorePath(source, folder),
  }
}
