import type { Engine } from '../engine.js'
import { mayBeDockers } from '../image-format.js'
import { storageConfPath } from '../work-dir.js'
import { build, preview } from './build/build.js'
import { prepareContexts } from './build/build-files.js'
import { writeOutputs } from './images/export.js'
import { evidenceOf, imageNames } from './images/images.js'
import { loadImage } from './images/load.js'
import { logIn } from './registries/login.js'
import { openPusher } from './push/push.js'
import { type BuildahSetup, factsOf, withEnv } from './setup.js'
import { testInContainers } from './images/test-container.js'

/** Buildah as an engine, with a storage, an auth file and a configuration of its own. */
export function buildahEngine(given: BuildahSetup): Engine {
  let contexts: ReturnType<typeof prepareContexts> | undefined
  let isFormatFree = false
  const loggedIn = new Set<string>()
  const setup = { ...given, hasLogin: (registry: string) => loggedIn.has(registry) || given.hasLogin(registry) }
  const pusher = openPusher(setup, () => isFormatFree)
  return {
    ...factsOf(setup),
    storageConf: storageConfPath(setup.folder.path),

    async login(place, username, password) {
      loggedIn.add(await logIn(place, username, password, setup))
    },

    async build(request) {
      const { inputs } = request
      // Once, also where it is built a second time.
      contexts ??= prepareContexts(inputs, setup)
      isFormatFree = mayBeDockers(inputs)
      return await build(request, await contexts, setup)
    },

    preview: (request) => preview(request, setup),

    test: (image, inputs, env) => testInContainers(image, inputs, withEnv(setup, env)),

    ...pusher,

    evidence: evidenceOf(setup),

    writeOutputs: (image, inputs) => writeOutputs(image, inputs, setup),

    imageNames: () => imageNames(setup),

    load: (image) => loadImage(image, setup),

    // The cache keeps them where they already are.
    saveSteps: () => Promise.resolve(),

    close: () => setup.sandboxes.close(),
  }
}
