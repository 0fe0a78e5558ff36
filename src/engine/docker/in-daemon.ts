import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { describe, UserError } from '../../errors.js'
import { CommandError, execute, findProgram } from '../../exec.js'
import { formatReference } from '../../image/reference.js'
import { say, warn } from '../../log.js'
import type { BuildRequest, Engine, Image } from '../engine.js'
import type { BuildPlaces } from './args.js'
import { baseImages } from './bases.js'
import {
  buildAgain,
  buildLive,
  commonEngine,
  digestIn,
  type DockerClient,
  type DockerSetup,
  explain,
  preparePlaces,
  readImageId,
  refusal,
  runDocker,
} from './client.js'
import { inspectedSize } from './size.js'

/**
 * A builder of Docker's daemon, which leaves the image in the daemon's own storage. It gives out no steps: what a later
 * run can take is the last image, which BuildKit writes into what its layers are.
 */
export function inDaemonEngine(setup: DockerSetup): Engine {
  let last: { readonly request: BuildRequest; readonly places: BuildPlaces; readonly id: string } | undefined
  return {
    ...commonEngine(setup),

    async build(request) {
      await refreshBases(request, setup)
      const saved = request.cache.read ? await loadSaved(setup) : undefined
      const remote = request.cache.read && request.remote.from.length > 0 ? await earlierImages(request, setup) : []
      const places = await preparePlaces(request, setup, [...(saved === undefined ? [] : [saved]), ...remote])
      try {
        await buildLive(request, setup, places)
      } finally {
        if (saved !== undefined) await runDocker(setup, ['image', 'rm', saved]).catch(() => undefined)
      }
      const id = await readImageId(places.iid)
      last = { request, places, id }
      return { id, format: request.format, references: request.references, size: await readSize(id, setup) }
    },

    async push(_image, reference) {
      const name = formatReference(reference)
      const { stdout } = await runDocker(setup, ['push', name]).catch((error: unknown) => {
        throw refusal(`Push of ${name} failed`, error)
      })
      // The client's last line tells what the registry has answered.
      return { reference, digest: digestIn(/ digest: (sha256:\S+) size: \d+\s*$/.exec(stdout)?.[1], 'its output') }
    },

    async writeOutputs(image, { outputs }) {
      for (const { type, dest } of outputs) {
        const path = resolve(setup.context.workspace, dest)
        const names = image.references.length === 0 ? [image.id] : image.references.map(formatReference)
        await mkdir(type === 'local' ? path : dirname(path), { recursive: true })
        const write =
          type === 'docker' || last === undefined
            ? runDocker(setup, ['save', '--output', path, ...names])
            : buildAgain(last.request, setup, { kind: 'file', type, dest: path, name: '' }, last.places)
        await write.catch((error: unknown) => {
          throw explain(`Input "outputs": ${dest} could not be written`, error)
        })
      }
    },

    // It is there from the moment when it is built.
    load: () => Promise.resolve(),

    // Docker takes a short name for Docker Hub's: there is nothing to look up.
    imageNames: () => Promise.resolve(new Set()),

    close: () => Promise.resolve(),

    async keepSteps() {
      // With a registry, what is pushed is what the next run takes.
      if (last !== undefined && last.request.remote.to.length === 0) await save(last.id, setup)
    },
  }
}

/**
 * The daemon takes a base image that it has, though its tag may have moved; one that came from a registry is looked for
 * there. Where that fails, the one that is there is used, as Buildah does.
 */
async function refreshBases({ source, inputs }: BuildRequest, setup: DockerSetup): Promise<void> {
  if (inputs.pull) return
  for (const base of baseImages(source.dockerfile, inputs.buildArgs)) {
    if ((await look(base, setup))?.isRegistered !== true) continue
    await runDocker(setup, ['pull', '--quiet', base]).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error
      say(`${base} could not be looked up in its registry; the one that is here is used. ${error.message}`)
    })
  }
}

/** Why the names of these images don't tell what they are: the daemon takes what it has, also what no registry has. */
export async function whyDoubtful(images: readonly string[], client: DockerClient): Promise<string | undefined> {
  for (const image of images) {
    const found = await look(image, client)
    if (found === undefined) continue
    if (!found.isRegistered) return `the image ${image} is this daemon's own`
    if (found.hasTriggers) return `the image ${image} has instructions of its own (ONBUILD)`
  }
  return undefined
}

/** What the daemon has under a name; undefined where that is nothing. */
async function look(
  image: string,
  client: DockerClient,
): Promise<{ readonly isRegistered: boolean; readonly hasTriggers: boolean } | undefined> {
  const isEmpty = (list = '') => ['', '[]', 'null'].includes(list)
  const format = '{{json .RepoDigests}}\t{{json .Config.OnBuild}}'
  const { stdout } = await runDocker(client, ['image', 'inspect', '--format', format, image]).catch(() => ({
    stdout: '',
  }))
  const [digests, triggers] = stdout.trim().split('\t')
  return stdout === '' ? undefined : { isRegistered: !isEmpty(digests), hasTriggers: !isEmpty(triggers) }
}

/** For the eye alone: that it can't be told is no reason to fail. */
async function readSize(id: string, setup: DockerSetup): Promise<Image['size']> {
  return await runDocker(setup, ['image', 'inspect', '--format', '{{json .}}', id]).then(
    ({ stdout }) => inspectedSize(stdout),
    () => undefined,
  )
}

/** Loads the last run's image, under a name of its own. @returns the name; undefined where there is none */
async function loadSaved(setup: DockerSetup): Promise<string | undefined> {
  const { root, folder } = setup
  if (!existsSync(join(root, 'manifest.json'))) return undefined
  const archive = join(folder.path, 'out/steps.tar')
  try {
    await execute([await tarProgram(setup), '--create', '--file', archive, '--directory', root, '.'], setup)
    const { stdout } = await runDocker(setup, ['load', '--quiet', '--input', archive])
    const id = digestIn(/^Loaded image(?: ID)?: (sha256:\S+)$/m.exec(stdout)?.[1], 'its output')
    // No other job on this daemon has a folder of that name.
    const name = `rootless-image-build/steps:${basename(folder.path)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')}`
    await runDocker(setup, ['tag', id, name])
    return name
  } catch (error) {
    warn(`Cache: the last image could not be loaded, so that all is built anew. ${describe(error)}`)
    return undefined
  } finally {
    await rm(archive, { force: true })
  }
}

/** Puts the image into the folder that is kept, file by file. */
async function save(image: string, setup: DockerSetup): Promise<void> {
  const { root, folder } = setup
  // It names the image's configuration, in whatever form this version of Docker writes.
  const manifest = await readFile(join(root, 'manifest.json'), 'utf8').catch(() => '')
  if (manifest.includes(image.slice('sha256:'.length))) return
  const archive = join(folder.path, 'out/steps.tar')
  try {
    await runDocker(setup, ['save', '--output', archive, image])
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { mode: 0o700 })
    await execute([await tarProgram(setup), '--extract', '--file', archive, '--directory', root], setup)
  } finally {
    await rm(archive, { force: true })
  }
}

/** The images that the last run may have pushed; the classic builder must have them before it can take their steps. */
async function earlierImages({ references }: BuildRequest, setup: DockerSetup): Promise<string[]> {
  const names = references.map(formatReference)
  if (setup.docker.kind !== 'classic') return names
  for (const name of names) await runDocker(setup, ['pull', '--quiet', name]).catch(() => undefined)
  return names
}

async function tarProgram({ env }: DockerSetup): Promise<string> {
  const tar = await findProgram('tar', env)
  if (tar === undefined) throw new UserError('The program tar is missing.', 'sudo apt-get install tar')
  return tar
}
