import { mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../runner/context.js'
import type { AuthFile } from '../../auth/auth-file.js'
import type { Env } from '../../exec.js'
import { parseObject } from '../../lib/json.js'
import { type WorkDir, writePrivate } from '../work-dir.js'

/** Docker's own name for Docker Hub in a config.json. */
const HUB = 'https://index.docker.io/v1/'
/** What the client has in its folder beside config.json and only reads. */
const SHARED = ['contexts', 'cli-plugins']

/**
 * Makes a private DOCKER_CONFIG, in which contexts, plugins, proxies and credential helpers are the user's and a login is
 * ours: `docker login` would write it into the file of the user, or into their credential store.
 * @returns the environment that Docker's client is to have
 */
export async function privateConfig(folder: WorkDir, context: Context, logins: AuthFile): Promise<Env> {
  const theirs = context.env['DOCKER_CONFIG'] ?? join(context.home, '.docker')
  const ours = join(folder.path, 'docker')
  await mkdir(ours, { recursive: true, mode: 0o700 })
  for (const name of SHARED) await symlink(join(theirs, name), join(ours, name))
  const text = await readFile(join(theirs, 'config.json'), 'utf8').catch(() => '{}')
  await writePrivate(folder, 'docker/config.json', JSON.stringify(mergeConfig(text, logins)))
  return {
    ...context.env,
    DOCKER_CONFIG: ours,
    // Builders are the user's as well, and what Buildx notes of them stays there.
    BUILDX_CONFIG: context.env['BUILDX_CONFIG'] ?? join(theirs, 'buildx'),
    DOCKER_CLI_HINTS: 'false',
    // An image as Buildah makes it: one manifest, without an index for what is attested of it.
    BUILDX_NO_DEFAULT_ATTESTATIONS: '1',
    // What was used, beside the image and not in it.
    BUILDX_METADATA_PROVENANCE: 'min',
  }
}

/**
 * The text of the user's config.json with these logins as its only ones; pure. Their store of credentials stands in
 * `credHelpers` by now, registry by registry.
 */
export function mergeConfig(text: string, { auths, credHelpers }: AuthFile): Record<string, unknown> {
  // If it is no JSON, the reader of the logins has reported it already.
  const theirs = Object.entries(parseObject(text)).filter(([name]) => name !== 'credsStore')
  return { ...Object.fromEntries(theirs), auths: named(auths), credHelpers: named(credHelpers) }
}

function named(entries: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key === 'docker.io' ? HUB : key, value]))
}
