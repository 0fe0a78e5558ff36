import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { csv } from '../../lib/csv.js'
import type { BuildRequest } from '../engine.js'
import { stepsReference } from './args.js'
import type { DockerSetup } from './setup.js'

/** Where steps of earlier builds are taken from, each as `--cache-from` has it. */
export function cacheFromOf(request: BuildRequest, setup: DockerSetup): string[] {
  if (!request.cache.read) return []
  if (request.remote.from.length > 0) return request.remote.from.map((repository) => registryCache(repository, setup))
  return existsSync(join(setup.root, 'index.json')) ? [csv('type=local', `src=${setup.root}`)] : []
}

/** Where the steps are left, each as `--cache-to` has it. What the cache doesn't get is no reason to fail. */
export function cacheToOf({ remote, inputs, cache }: BuildRequest, setup: DockerSetup): string[] {
  if (!cache.write) return []
  const how = `mode=${inputs.cache.mode},ignore-error=true`
  if (remote.to.length === 0) return [`${csv('type=local', `dest=${setup.root}`)},${how}`]
  return remote.to.map((repository) => `${registryCache(repository, setup)},${how},image-manifest=true`)
}

function registryCache(repository: string, { insecure }: DockerSetup): string {
  const isInsecure = insecure.includes(repository.split('/')[0] ?? '')
  return `type=registry,ref=${stepsReference(repository)}${isInsecure ? ',registry.insecure=true' : ''}`
}
