import { CommandError } from '../../exec.js'
import { parseReference } from '../../metadata/reference.js'
import { textsOf } from '../../lib/json.js'
import { info } from '../../log.js'
import type { BuildRequest } from '../engine.js'
import { runDocker } from './client.js'
import type { DockerClient, DockerSetup } from './setup.js'

/**
 * Builds with base images as their registries have them: BuildKit of the daemon takes what the daemon has, though the tag
 * may have moved. Where a registry can't be asked, the one that is here is used, as Buildah does.
 * @param build asks registries for all of them, or takes what is here
 */
export async function withFreshBases<T>(
  request: BuildRequest,
  setup: DockerSetup,
  build: (pull: boolean) => Promise<T>,
): Promise<T> {
  const always = request.inputs.pull
  const pull = always || (setup.docker.driver === 'docker' && (await refreshBases(request, setup)))
  try {
    return await build(pull)
  } catch (error) {
    const unresolved = pull && !always ? unresolvedIn(error) : undefined
    if (unresolved === undefined) throw error
    info(`${unresolved} could not be looked up in its registry; using the local one, if there is one.`)
    return await build(false)
  }
}

/**
 * Pulls base images by their names, where one of them is none but the daemon's own: BuildKit can't be told which ones it
 * shall ask for.
 * @returns whether BuildKit can ask for all of them
 */
async function refreshBases({ images }: BuildRequest, setup: DockerSetup): Promise<boolean> {
  const found = await Promise.all(images.map(async ({ name }) => ({ name, here: await look(name, setup) })))
  if (found.every(({ here }) => here?.isRegistered !== false)) return true
  for (const { name, here } of found) {
    if (here?.isRegistered !== true) continue
    await runDocker(setup, ['pull', '--quiet', name]).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error
      info(`${name} could not be looked up in its registry; using the local one. ${error.message}`)
    })
  }
  return false
}

/** The step at which a build has failed, where that is the look-up of an image; what a step prints has its time in front. */
const UNRESOLVED = /^ > (?:\[internal\] load metadata for |(?:\[[^\]]*\] )?FROM )(\S+?):$/m

/** The image that BuildKit could not look up, where that is why a build has failed. */
function unresolvedIn(error: unknown): string | undefined {
  const output = error instanceof Error && error.cause instanceof CommandError ? error.cause.output : ''
  return UNRESOLVED.exec(output)?.[1]
}

/** Why the names of these images don't tell what they are: the daemon takes what it has, also what no registry has. */
export async function ambiguityOf(images: readonly string[], client: DockerClient): Promise<string | undefined> {
  for (const image of images) {
    const found = await look(image, client)
    if (found === undefined) continue
    if (!found.isRegistered) return `the image ${image} is only in this daemon`
    if (found.hasTriggers) return `the image ${image} has instructions of its own (ONBUILD)`
  }
  return undefined
}

/** What the daemon has under a name; undefined where that is nothing. */
async function look(
  image: string,
  client: DockerClient,
): Promise<{ readonly isRegistered: boolean; readonly hasTriggers: boolean } | undefined> {
  const format = '{{json .RepoDigests}}\t{{json .Config.OnBuild}}'
  const { stdout } = await runDocker(client, ['image', 'inspect', '--format', format, image]).catch(() => ({
    stdout: '',
  }))
  return stdout === '' ? undefined : inspectedBase(image, stdout)
}

/** What the two lists of an image say, as the daemon prints them; pure. A tag may be one that nobody has but the daemon. */
export function inspectedBase(
  image: string,
  stdout: string,
): { readonly isRegistered: boolean; readonly hasTriggers: boolean } {
  const [digests = [], triggers = []] = stdout.trim().split('\t').map(listIn)
  const own = repositoryOf(image)
  return { isRegistered: digests.some((name) => repositoryOf(name) === own), hasTriggers: triggers.length > 0 }
}

function listIn(text: string): string[] {
  return text === '' ? [] : textsOf(JSON.parse(text))
}

function repositoryOf(image: string): string {
  const [name = ''] = image.split('@')
  const { registry, repository } = parseReference(name)
  return `${registry}/${repository}`
}
