import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkDirectiveOf } from '../../dockerfile/check-directives.js'
import { findIgnoreFile } from '../../source/ignored-files.js'
import type { Source } from '../../source/source.js'
import type { BuildRequest } from '../engine.js'
import { writeSecrets } from '../secret-files.js'
import { type WorkDir, writePrivate } from '../work-dir.js'
import type { BuildPlaces } from './build-places.js'
import { checkArgument, printsChecks } from './check-argument.js'
import type { DockerSetup } from './setup.js'

/** Writes the files that a build needs, and says where they are. */
export async function preparePlaces(
  request: BuildRequest,
  setup: DockerSetup,
  some: Partial<Pick<BuildPlaces, 'cacheFrom' | 'cacheTo' | 'layout'>>,
): Promise<BuildPlaces> {
  const secrets = await writeSecrets(request.inputs, setup.folder, setup.context)
  const file = await withIgnoreFile(request.source, setup.folder)
  const directive = checkDirectiveOf(await readFile(request.source.file, 'utf8'))
  const check = printsChecks(setup.docker) ? checkArgument(request.inputs, directive) : undefined
  return { ...placesFor(request, setup, secrets), ...some, file, check }
}

/**
 * Docker knows no .containerignore, and follows no link out of the context: it gets a copy of the Dockerfile with the
 * ignore file beside it, under the name that it knows.
 */
async function withIgnoreFile(source: Source, folder: WorkDir): Promise<string> {
  const [ignore, theirs] = [await findIgnoreFile(source, 'buildah'), await findIgnoreFile(source, 'docker')]
  if (ignore === undefined || ignore.text === undefined) return source.file
  if (ignore.path === theirs?.path && !(await lstat(ignore.path)).isSymbolicLink()) return source.file
  await writePrivate(folder, 'out/Dockerfile.dockerignore', ignore.text)
  return await writePrivate(folder, 'out/Dockerfile', await readFile(source.file))
}

export function placesFor(
  { inputs, source, references }: BuildRequest,
  { folder, context, insecure }: DockerSetup,
  secrets: BuildPlaces['secrets'],
): BuildPlaces {
  const out = (name: string) => join(folder.path, 'out', name)
  return {
    ...{ workspace: context.workspace, secrets, file: source.file, cacheFrom: [], cacheTo: [], pull: inputs.pull },
    ...{ iid: out('iid'), metadata: out('metadata.json'), results: out('results') },
    insecure: references.some(({ registry }) => insecure.includes(registry)),
  }
}
