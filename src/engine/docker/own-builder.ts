import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, RegistryError } from '../../errors.js'
import { CommandError } from '../../exec.js'
import { formatReference } from '../../image/reference.js'
import { parseObject } from '../../json.js'
import { warn } from '../../log.js'
import { csv } from '../csv.js'
import type { BuildRequest, Engine, Image } from '../engine.js'
import { type BuildPlaces, stepsReference, type Target } from './args.js'
import {
  buildAgain,
  buildLive,
  commonEngine,
  digestIn,
  type DockerSetup,
  explain,
  preparePlaces,
  readImageId,
  refusal,
} from './client.js'

/**
 * Buildx with a builder that has a storage of its own. What it has built it gives out in as many ways as one likes: each
 * is the same build once more, of which every step is there.
 */
export function ownBuilderEngine(setup: DockerSetup): Engine {
  let last: { readonly request: BuildRequest; readonly places: BuildPlaces } | undefined
  const again = async (target: Target, metadata?: string) => {
    if (last === undefined) throw new Error('nothing was built yet')
    const places = metadata === undefined ? last.places : { ...last.places, metadata }
    await buildAgain(last.request, setup, target, places)
  }
  return {
    ...commonEngine(setup),

    async build(request) {
      const places = await preparePlaces(request, setup, cacheFromOf(request, setup))
      const used = await buildWithCache(request, setup, places)
      last = { request, places: used }
      const { format, references } = request
      return { id: await readImageId(places.iid), format, references }
    },

    async push(image, reference) {
      const name = formatReference(reference)
      // By its place: references can be longer than names of files may be.
      const metadata = join(setup.folder.path, `out/${image.references.indexOf(reference)}.json`)
      const insecure = setup.insecure.includes(reference.registry)
      await again({ kind: 'push', reference, insecure }, metadata).catch((error: unknown) => {
        throw refusal(`Push of ${name} failed`, error)
      })
      return { reference, digest: await readPushed(metadata, image, name) }
    },

    async writeOutputs(image, { outputs }) {
      const name = image.references[0] === undefined ? '' : formatReference(image.references[0])
      for (const { type, dest } of outputs) {
        const target = { kind: 'file', type, dest: resolve(setup.context.workspace, dest), name } as const
        await again(target).catch((error: unknown) => {
          throw explain(`Input "outputs": ${dest} could not be written`, error)
        })
      }
    },

    async load({ references }) {
      await again({ kind: 'load', references }).catch((error: unknown) => {
        throw explain('The image could not be loaded into the storage of Docker', error)
      })
    },

    // Docker takes a short name for Docker Hub's: there is nothing to look up.
    imageNames: () => Promise.resolve(new Set()),

    close: () => Promise.resolve(),

    async keepSteps() {
      if (last === undefined) return
      const { remote, inputs } = last.request
      const mode = `mode=${inputs.cache.mode}`
      const cacheTo =
        remote.to.length > 0
          ? remote.to.map((repository) => `${registryCache(repository, setup)},${mode},image-manifest=true`)
          : [`${csv('type=local', `dest=${setup.root}`)},${mode}`]
      await again({ kind: 'steps', cacheTo })
    },
  }
}

/** A cache that can't be read is no reason to fail: then all is built anew. @returns the places that were used */
async function buildWithCache(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<BuildPlaces> {
  try {
    await buildLive(request, setup, places)
    return places
  } catch (error) {
    if (places.cacheFrom.length === 0 || !isCacheFailure(error)) throw error
    warn(`Cache: what earlier runs have left can't be read, so that all is built anew. ${describe(error)}`)
    const without = { ...places, cacheFrom: [] }
    await buildLive(request, setup, without)
    return without
  }
}

function cacheFromOf(request: BuildRequest, setup: DockerSetup): string[] {
  if (!request.cache.read) return []
  if (request.remote.from.length > 0) return request.remote.from.map((repository) => registryCache(repository, setup))
  return existsSync(join(setup.root, 'index.json')) ? [csv('type=local', `src=${setup.root}`)] : []
}

function registryCache(repository: string, { insecure }: DockerSetup): string {
  const isInsecure = insecure.includes(repository.split('/')[0] ?? '')
  return `type=registry,ref=${stepsReference(repository)}${isInsecure ? ',registry.insecure=true' : ''}`
}

/** What BuildKit says of a layer that isn't what it should be, or isn't there. */
function isCacheFailure(error: unknown): boolean {
  const output = error instanceof Error && error.cause instanceof CommandError ? error.cause.output : ''
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  return /unexpected commit (digest|size)|failed commit on ref|failed size validation|content digest sha256:|sha256:[0-9a-f]{64}: not found|unexpected EOF|invalid (checksum|header)|archive\/tar/i.test(
    last,
  )
}

/**
 * The digest under which a registry has taken the image; BuildKit compares it with the registry's own answer. The same
 * build once more gives the same image as long as the builder has all its steps.
 */
async function readPushed(path: string, image: Image, name: string): Promise<string> {
  const told = parseObject(await readFile(path, 'utf8'))
  if (digestIn(told['containerimage.config.digest'], path) !== image.id) {
    throw new RegistryError(
      `Push of ${name}: the builder no longer had what it had built, and what was pushed is another image.`,
      'Give the builder more room for its cache, or fewer builds at a time.',
      false,
    )
  }
  return digestIn(told['containerimage.digest'], path)
}
