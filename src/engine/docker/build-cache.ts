import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { csv } from '../../lib/csv.js'
import type { BuildRequest } from '../engine.js'
import type { DockerSetup } from './setup.js'

/** Where steps of earlier builds are taken from, each as `--cache-from` has it. */
export function cacheFromOf(request: BuildRequest, setup: DockerSetup): string[] {
  if (!request.cache.read) return []
  return existsSync(join(setup.root, 'index.json')) ? [csv('type=local', `src=${setup.root}`)] : []
}

/** Where the steps are left, each as `--cache-to` has it. What the cache doesn't get is no reason to fail. */
export function cacheToOf({ inputs, cache }: BuildRequest, setup: DockerSetup): string[] {
  if (!cache.write) return []
  return [`${csv('type=local', `dest=${setup.root}`)},mode=${inputs.cache.mode},ignore-error=true`]
}
