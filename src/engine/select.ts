import { join } from 'node:path'
import type { Context } from '../context.js'
import type { AuthFile } from '../credentials.js'
import { stepsOf } from '../dockerfile/dockerfile.js'
import type { Pair } from '../entries.js'
import type { Inputs } from '../inputs.js'
import { attempt } from '../exec.js'
import { say, warn } from '../log.js'
import type { Source } from '../source.js'
import type { Store } from '../store.js'
import { buildahEngine } from './buildah.js'
import { writeConfig } from './config.js'
import type { Engine } from './engine.js'
import { needsOf } from './features.js'
import { type Buildah, provideBuildah } from './install.js'
import { readMachine } from './machine.js'
import { preflight } from './preflight.js'
import type { Way } from './probe.js'
import { type Folder, storageArgs, storageConf, writePrivate } from './storage.js'

export interface Selection {
  readonly inputs: Inputs
  readonly source: Source
  readonly context: Context
  readonly folder: Folder
  readonly logins: AuthFile
  readonly insecure: readonly string[]
  /** Labels that the image is to have. */
  readonly labels: readonly Pair[]
}

/** An engine that can build here, before it is known in which storage. */
export interface Found {
  /** The storage as whoever fills it must know it. */
  readonly store: Store
  /**
   * Has the engine try out what the file system can, which it remembers for the build. It takes mounts, and each of them
   * waits until everything is written: that is long where a storage has just been filled. Never rejects.
   */
  readonly tryOut: () => Promise<void>
  /** Gives the engine its private configuration. @param root of the storage, absolute */
  readonly configure: (root: string) => Promise<Engine>
}

/**
 * Finds or installs the engine, and makes sure that it can build here.
 * @param onProgram gets the path of the program as soon as it is known, so that `post` can use it
 * @throws UserError when nothing can build here: why, and what to do
 */
export async function findEngine(selection: Selection, onProgram: (path: string) => void): Promise<Found> {
  const { inputs, source, context, folder, labels } = selection
  const needs = needsOf(inputs, source.dockerfile, labels)
  const buildah = await provideBuildah(
    { range: inputs.buildahVersion, manifest: inputs.buildahManifest, needs },
    context,
    folder,
  )
  onProgram(buildah.path)
  const machine = await readMachine(folder.account, folder.path, folder.env)
  const runs = stepsOf(source.dockerfile).some(({ keyword }) => keyword === 'RUN' || keyword === 'ONBUILD')
  const { way, notes, warnings } = await preflight({ ...inputs, runs }, { buildah, folder, machine, context })
  say(
    `Engine: Buildah ${buildah.version} (${buildah.path}, ${buildah.reason}), as ${folder.account.name} (${folder.account.reason}); ${describeWay(way)}`,
  )
  for (const note of notes) say(`  passed over: ${note}`)
  for (const text of warnings) warn(text)
  return {
    store: storeOf(folder, buildah, way),
    tryOut: () => tryOut(folder, buildah, way),
    configure: (root) => configured(selection, { buildah, way, root }),
  }
}

/** Opens an empty storage that has the run root of the build, where Buildah keeps what it has found out. */
async function tryOut(folder: Folder, { path }: Buildah, { driver, fuseOverlayfs }: Way): Promise<void> {
  const storage = storageArgs(folder.path, join(folder.path, 'tried'), driver, fuseOverlayfs)
  await attempt([...folder.account.prefix, path, ...storage, 'images', '--quiet'], { env: folder.env, cwd: '/' })
}

function storeOf({ path, account, env }: Folder, buildah: Buildah, { driver }: Way): Store {
  const isRoot = account.uid === 0
  return {
    layout: `${driver}-${isRoot ? 'root' : 'rootless'}`,
    version: buildah.version,
    enter: isRoot ? [] : [...account.prefix, buildah.path, 'unshare'],
    ...{ env, folder: path, uid: account.uid, gid: account.gid, foreign: account.prefix.length > 0 },
  }
}

async function configured(
  { context, folder, logins, insecure }: Selection,
  { buildah, way, root }: { buildah: Buildah; way: Way; root: string },
): Promise<Engine> {
  await writePrivate(folder, 'storage.conf', storageConf(folder.path, root, way.driver, way.fuseOverlayfs))
  const { registries, policy } = await writeConfig(folder, insecure)
  const env = registries === undefined ? folder.env : { ...folder.env, CONTAINERS_REGISTRIES_CONF: registries }
  const auth = await writePrivate(folder, 'auth.json', JSON.stringify(logins))
  const files = { auth, policy }
  return buildahEngine({ buildah, way, root, context, insecure, folder: { ...folder, env }, files })
}

function describeWay({ driver, isolation, runtime, network }: Way): string {
  const kept = runtime === undefined ? isolation : `${isolation} with ${runtime}`
  return `storage driver ${driver}, isolation ${kept}${network === 'default' ? '' : `, network ${network}`}`
}
