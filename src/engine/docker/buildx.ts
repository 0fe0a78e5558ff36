import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, RegistryError, type UserError } from '../../errors.js'
import { CommandError } from '../../exec.js'
import { formatReference } from '../../metadata/reference.js'
import { warn } from '../../log.js'
import { withRetries } from '../../lib/retry.js'
import { csv } from '../../lib/csv.js'
import type { BuildRequest, Engine, Image } from '../engine.js'
import { type BuildPlaces, stepsReference } from './args.js'
import { usedImages } from './bases.js'
import { buildLive, commonEngine, digestIn, followBuild, readMetadata, runDocker } from './client.js'
import type { DockerSetup } from './setup.js'
import { preparePlaces } from './build-files.js'
import { refusal } from './failures.js'
import { withFreshBases } from './fresh-bases.js'
import { sayLoaded } from './load.js'
import type { DockerProgress } from './progress.js'
import { placeResults } from './results.js'
import { privateName } from './private-name.js'
import { testInContainers } from './test-container.js'
import { layoutPath, ofTested, toTest } from './tested-image.js'

/** What came out of the one build. */
interface Made {
  readonly image: Image
  /** Of the manifest, as it was pushed. */
  readonly digest: unknown
  readonly places: BuildPlaces
  /** Why its steps could not be kept. */
  readonly cacheFailure: string | undefined
}

/**
 * Buildx with a builder that has a storage of its own: one build, and everything that is wanted of it comes out of that,
 * what is pushed, files, the image for the daemon, and the steps for the next run. A further build could be another one,
 * since its context, what it downloads and its base images may have changed.
 */
export function ownBuilderEngine(setup: DockerSetup): Engine {
  let made: Made | undefined
  let asked: BuildRequest | undefined
  const ofBuild = (): Made => {
    if (made === undefined) throw new Error('nothing was built yet')
    return made
  }
  return {
    ...commonEngine(setup),

    async build(request) {
      asked = request
      const isTested = request.inputs.tests.length > 0
      made = await (isTested ? buildAll(toTest(request, setup), setup, layoutPath(setup)) : buildAll(request, setup))
      return { ...made.image, references: request.references }
    },

    // What else is wanted of the image comes of it when it has passed.
    async test(image, inputs) {
      if (asked === undefined) throw new Error('nothing was built yet')
      const name = privateName('test', setup)
      try {
        await testInContainers(name, inputs, setup)
      } finally {
        await runDocker(setup, ['image', 'rm', name]).catch(() => undefined)
      }
      const { cacheFailure } = ofBuild()
      const released = await buildAll(await ofTested(asked, layoutPath(setup), setup), setup)
      if (released.image.id !== image.id)
        throw new Error(`Docker made another image of the one that was tested: ${released.image.id} of ${image.id}`)
      made = { ...released, cacheFailure }
    },

    // It was pushed when it was built: BuildKit compares the digest with the registry's own answer.
    push: (_image, reference) =>
      Promise.resolve().then(() => ({ reference, digest: digestIn(ofBuild().digest, ofBuild().places.metadata) })),

    async writeOutputs(_image, { outputs }) {
      await placeResults(outputs, ofBuild().places, setup)
    },

    // Its storage got it when it was built.
    load: (image) => sayLoaded(image, setup),

    // Docker takes a short name for Docker Hub's: there is nothing to look up.
    imageNames: () => Promise.resolve(new Set()),

    close: () => Promise.resolve(),

    saveSteps: () => {
      const why = made?.cacheFailure
      return why === undefined ? Promise.resolve() : Promise.reject(new Error(why))
    },
  }
}

/** Builds; all of it again, where a registry was busy or lacked what it was sent. */
async function buildAll(request: BuildRequest, setup: DockerSetup, layout?: string): Promise<Made> {
  const [cacheFrom, cacheTo] = [cacheFromOf(request, setup), cacheToOf(request, setup)]
  const places = await preparePlaces(request, setup, { cacheFrom, cacheTo, layout })
  const name = request.references[0] === undefined ? 'the image' : formatReference(request.references[0])
  return await withRetries(`Push of ${name}`, () =>
    withFreshBases(request, setup, (pull) => buildWithCache(request, setup, { ...places, pull })),
  )
}

/** A cache that can't be read is no reason to fail: then all is built anew. */
async function buildWithCache(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<Made> {
  try {
    return await buildOnce(request, setup, places)
  } catch (error) {
    if (places.cacheFrom.length === 0 || !isCacheFailure(error)) throw error
    warn(`Cache: the saved steps can't be read; rebuilding without the cache. ${describe(error)}`)
    return await buildOnce(request, setup, { ...places, cacheFrom: [] })
  }
}

async function buildOnce(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<Made> {
  const progress = followBuild(request)
  // Nothing of an attempt before this one.
  await rm(places.results, { recursive: true, force: true })
  await mkdir(places.results)
  if (places.layout !== undefined) await rm(places.layout, { recursive: true, force: true })
  try {
    await buildLive(request, setup, places, progress)
  } catch (error) {
    throw pushFailure(error, request, progress, setup) ?? error
  }
  const metadata = await readMetadata(places)
  const { format, references } = request
  // Where the daemon keeps images by their manifests, the metadata doesn't tell the configuration.
  const id = digestIn(metadata['containerimage.config.digest'] ?? progress.config(), places.metadata)
  return {
    image: { id, format, references, bases: usedImages(metadata) },
    digest: metadata['containerimage.digest'],
    places,
    cacheFailure: progress.cacheFailure(),
  }
}

/** The error of a build of which only the push has failed; undefined for another one. */
function pushFailure(
  error: unknown,
  { references }: BuildRequest,
  progress: DockerProgress,
  setup: DockerSetup,
): unknown {
  const said = lastErrorOf(error) ?? ''
  const [, refused] = /^ERROR: (?:failed to build: )?failed to solve: failed to push (\S+): /.exec(said) ?? []
  if (refused === undefined) return undefined
  // BuildKit says "done" of the one that has failed as well.
  const arrived = progress.pushed().filter((name) => name !== refused)
  const missing = references.map(formatReference).filter((name) => !arrived.includes(name))
  const rest = arrived.length === 0 ? 'Nothing was pushed' : `Pushed: ${arrived.join(', ')}`
  const what = `Not pushed: ${missing.join(', ')}. ${rest}`
  return refusal(what, (error as UserError).cause, setup, { said: `Error: ${said}` })
}

function lastErrorOf(error: unknown): string | undefined {
  const output = error instanceof Error && error.cause instanceof CommandError ? error.cause.output : ''
  return output.trimEnd().split('\n').at(-1)
}

function cacheFromOf(request: BuildRequest, setup: DockerSetup): string[] {
  if (!request.cache.read) return []
  if (request.remote.from.length > 0) return request.remote.from.map((repository) => registryCache(repository, setup))
  return existsSync(join(setup.root, 'index.json')) ? [csv('type=local', `src=${setup.root}`)] : []
}

/** What the cache doesn't get is no reason to fail. */
function cacheToOf({ remote, inputs, cache }: BuildRequest, setup: DockerSetup): string[] {
  if (!cache.write) return []
  const how = `mode=${inputs.cache.mode},ignore-error=true`
  if (remote.to.length === 0) return [`${csv('type=local', `dest=${setup.root}`)},${how}`]
  return remote.to.map((repository) => `${registryCache(repository, setup)},${how},image-manifest=true`)
}

function registryCache(repository: string, { insecure }: DockerSetup): string {
  const isInsecure = insecure.includes(repository.split('/')[0] ?? '')
  return `type=registry,ref=${stepsReference(repository)}${isInsecure ? ',registry.insecure=true' : ''}`
}

/** What BuildKit says of a layer that isn't what it should be, or isn't there. */
function isCacheFailure(error: unknown): boolean {
  if (error instanceof RegistryError) return false
  return /unexpected commit (digest|size)|failed commit on ref|failed size validation|content digest sha256:|sha256:[0-9a-f]{64}: not found|unexpected EOF|invalid (checksum|header)|archive\/tar/i.test(
    lastErrorOf(error) ?? '',
  )
}
