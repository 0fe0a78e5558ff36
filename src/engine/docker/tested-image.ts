import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDockerfile } from '../../dockerfile/dockerfile.js'
import { UserError } from '../../errors.js'
import { listOf, objectOf, parseObject, textsOf } from '../../lib/json.js'
import { parseReference } from '../../metadata/reference.js'
import type { Inputs } from '../../runner/inputs.js'
import type { BuildRequest } from '../engine.js'
import { runDocker } from './client.js'
import { testInContainers } from './test-container.js'
import { type DockerSetup, privateName } from './setup.js'

const STAGE = 'tested'

/** Where the image lies while it is tested, as an OCI image layout. */
export function layoutPath({ folder }: Pick<DockerSetup, 'folder'>): string {
  return join(folder.path, 'out/layout')
}

/** What is built to be tested: the image alone, for the daemon, under a name of its own. */
export function toTest(request: BuildRequest, setup: DockerSetup): BuildRequest {
  const references = [parseReference(privateName('test', setup))]
  return { ...request, references, inputs: { ...request.inputs, push: false, load: true, outputs: [] } }
}

/** Runs the tests in what was built of `toTest`, and takes it out of the daemon again. @throws UserError for one that fails */
export async function testLoaded(inputs: Inputs, setup: DockerSetup): Promise<void> {
  const name = privateName('test', setup)
  try {
    await testInContainers(name, inputs, setup)
  } finally {
    await runDocker(setup, ['image', 'rm', name]).catch(() => undefined)
  }
}

/**
 * What is built of an image that was tested: itself, with all that is to become of it. Nothing runs again, nothing is
 * read or downloaded again, so that it can't be another one.
 * @param layout folder of the image (OCI image layout)
 */
export async function ofTested(request: BuildRequest, layout: string, { folder }: DockerSetup): Promise<BuildRequest> {
  const digest = await manifestIn(layout)
  const context = join(folder.path, 'out/tested')
  const file = join(context, 'Dockerfile')
  const text = `FROM ${STAGE}\n`
  await mkdir(context, { recursive: true })
  await writeFile(file, text)
  const source = { context, file, dockerfile: parseDockerfile(text), target: undefined }
  const nothing = { buildArgs: [], secrets: [], ssh: [], addHosts: [], noCache: false, pull: false }
  const buildContexts = [{ name: STAGE, value: `oci-layout://${layout}@${digest}` }]
  return {
    ...request,
    ...{ source, images: [], labels: [], onSteps: () => undefined },
    inputs: { ...request.inputs, ...nothing, buildContexts },
    cache: { read: true, write: false },
  }
}

/** The digest of the image's manifest. @throws UserError where FROM would run instructions of the image itself */
async function manifestIn(layout: string): Promise<string> {
  const blob = async (digest: string) =>
    parseObject(await readFile(join(layout, 'blobs', ...digest.split(':')), 'utf8'))
  const index = parseObject(await readFile(join(layout, 'index.json'), 'utf8'))
  const digest = digestOf(listOf(index['manifests'])[0])
  const config = await blob(digestOf((await blob(digest))['config']))
  if (textsOf(objectOf(config['config'])['OnBuild']).length === 0) return digest
  throw new UserError(
    'Input "test": with Docker as the engine, an image with ONBUILD instructions can\'t be tested before it is pushed.',
    'Write `engine: buildah`, or test the image in a later step.',
  )
}

function digestOf(descriptor: unknown): string {
  const { digest } = objectOf(descriptor)
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest
  throw new Error('Docker wrote an OCI image layout without a digest')
}
