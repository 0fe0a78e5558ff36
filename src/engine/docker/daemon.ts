import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { formatReference } from '../../metadata/reference.js'
import type { Engine } from '../engine.js'
import { filesArgs, filesDockerfile } from './args.js'
import { usedImages } from './bases.js'
import { buildLive, commonEngine, digestIn, followBuild, readMetadata, runDocker } from './client.js'
import { type DockerSetup, privateName, withEnv } from './setup.js'
import { preparePlaces } from './build-files.js'
import { explain, refusal } from './failures.js'
import { loadSaved, saveImage } from './saved-image.js'
import { withFreshBases } from './fresh-bases.js'
import { readSize, sayLoaded } from './say-loaded.js'
import { testInContainers } from './test-container.js'

/**
 * BuildKit of Docker's daemon, which leaves the image in the daemon's own storage: what is pushed and written comes from
 * there. It gives out no steps: what a later run can take is the last image, into which BuildKit writes what its layers
 * are.
 */
export function inDaemonEngine(setup: DockerSetup): Engine {
  let last: string | undefined
  return {
    ...commonEngine(setup),

    async build(request) {
      const { cache, references } = request
      const saved = cache.read ? await loadSaved(setup) : undefined
      const places = await preparePlaces(request, setup, { cacheFrom: saved === undefined ? [] : [saved] })
      try {
        await withFreshBases(request, setup, (pull) =>
          buildLive(request, setup, { ...places, pull }, followBuild(request)),
        )
      } finally {
        if (saved !== undefined) await runDocker(setup, ['image', 'rm', saved]).catch(() => undefined)
      }
      const id = digestIn((await readFile(places.iid, 'utf8')).trim(), places.iid)
      last = id
      const { format } = request
      return { id, format, references, size: await readSize(id, setup), bases: usedImages(await readMetadata(places)) }
    },

    test: (image, inputs, env) => testInContainers(image.id, inputs, withEnv(setup, env)),

    async push(_image, reference, env = {}) {
      const name = formatReference(reference)
      const { stdout } = await runDocker(withEnv(setup, env), ['push', name]).catch((error: unknown) => {
        throw refusal(`Push of ${name} failed`, error, setup)
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
          type === 'local' || type === 'tar'
            ? writeFiles(image.id, type, path, setup)
            : runDocker(setup, ['save', '--output', path, ...names])
        await write.catch((error: unknown) => {
          throw explain(`Input "outputs": ${dest} could not be written`, error, setup)
        })
      }
    },

    // The build has put it there.
    load: (image) => sayLoaded(image, setup),

    // Docker takes a short name for Docker Hub's: there is nothing to look up.
    imageNames: () => Promise.resolve(new Set()),

    evidence: undefined,

    close: () => Promise.resolve(),

    async saveSteps() {
      if (last !== undefined) await saveImage(last, setup)
    },
  }
}

/** Writes the files of an image that the daemon has: by its name, since FROM takes no id. */
async function writeFiles(id: string, type: 'local' | 'tar', path: string, setup: DockerSetup): Promise<void> {
  const name = privateName('files', setup)
  const folder = join(setup.folder.path, 'out/files')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'Dockerfile'), filesDockerfile(name))
  await runDocker(setup, ['tag', id, name])
  try {
    await runDocker(setup, filesArgs(type, path, folder))
  } finally {
    await runDocker(setup, ['image', 'rm', name]).catch(() => undefined)
  }
}
