import { formatReference } from '../../metadata/reference.js'
import { withRetries } from '../../lib/retry.js'
import type { BuildRequest, Engine } from '../engine.js'
import { commonEngine, digestIn } from './client.js'
import { type DockerSetup, withEnv } from './setup.js'
import { preparePlaces } from './build-files.js'
import { buildWithCache, type Made, pushedIn } from './buildx-build.js'
import { cacheFromOf, cacheToOf } from './build-cache.js'
import { withFreshBases } from './fresh-bases.js'
import { sayLoaded } from './say-loaded.js'
import { placeResults } from './results.js'
import { layoutPath, ofTested, testLoaded, toTest } from './tested-image.js'

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
    async test(image, inputs, env) {
      if (asked === undefined) throw new Error('nothing was built yet')
      const marked = withEnv(setup, env)
      await testLoaded(inputs, marked)
      const { cacheFailure } = ofBuild()
      const released = await buildAll(await ofTested(asked, layoutPath(setup), setup), marked)
      if (released.image.id !== image.id)
        throw new Error(`Docker made another image of the one that was tested: ${released.image.id} of ${image.id}`)
      made = { ...released, cacheFailure }
    },

    // It was pushed when it was built: BuildKit compares the digest with the registry's own answer.
    push: (_image, reference) =>
      Promise.resolve().then(() => ({ reference, digest: digestIn(ofBuild().digest, ofBuild().places.metadata) })),

    // The same, under no tag: its descriptor is what the registry has taken.
    pushByDigest: () => Promise.resolve().then(() => pushedIn(ofBuild())),

    async writeOutputs(_image, { outputs }) {
      await placeResults(outputs, ofBuild().places, setup)
    },

    // The build has put it there.
    load: (image) => sayLoaded(image, setup),

    // Docker takes a short name for Docker Hub's: there is nothing to look up.
    imageNames: () => Promise.resolve(new Set()),

    evidence: undefined,

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
