import { formatReference } from '../../metadata/reference.js'
import { withRetries } from '../../lib/retry.js'
import type { BuildRequest, Engine } from '../engine.js'
import { commonEngine, digestIn } from './client.js'
import type { DockerSetup } from './setup.js'
import { preparePlaces } from './build-files.js'
import { buildWithCache, type Made } from './buildx-build.js'
import { cacheFromOf, cacheToOf } from './build-cache.js'
import { withFreshBases } from './fresh-bases.js'
import { sayLoaded } from './say-loaded.js'
import { placeResults } from './results.js'

/**
 * Buildx with a builder that has a storage of its own: one build, and everything that is wanted of it comes out of that,
 * what is pushed, files, the image for the daemon, and the steps for the next run. A further build could be another one,
 * since its context, what it downloads and its base images may have changed.
 */
export function ownBuilderEngine(setup: DockerSetup): Engine {
  let made: Made | undefined
  const ofBuild = (): Made => {
    if (made === undefined) throw new Error('nothing was built yet')
    return made
  }
  return {
    ...commonEngine(setup),

    async build(request) {
      made = await buildAll(request, setup)
      return made.image
    },

    // It was pushed when it was built: BuildKit compares the digest with the registry's own answer.
    push: (_image, reference) =>
      Promise.resolve().then(() => ({ reference, digest: digestIn(ofBuild().digest, ofBuild().places.metadata) })),

    async writeOutputs(_image, { outputs }) {
      await placeResults(outputs, ofBuild().places, setup)
    },

    // The build has put it there.
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
async function buildAll(request: BuildRequest, setup: DockerSetup): Promise<Made> {
  const [cacheFrom, cacheTo] = [cacheFromOf(request, setup), cacheToOf(request, setup)]
  const places = await preparePlaces(request, setup, { cacheFrom, cacheTo })
  const name = request.references[0] === undefined ? 'the image' : formatReference(request.references[0])
  return await withRetries(`Push of ${name}`, () =>
    withFreshBases(request, setup, (pull) => buildWithCache(request, setup, { ...places, pull })),
  )
}
