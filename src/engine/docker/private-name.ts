import { basename } from 'node:path'
import type { DockerSetup } from './setup.js'

/** A name in the daemon that no other job has: none has a folder of that name. Pure. */
export function privateName(what: string, { folder }: Pick<DockerSetup, 'folder'>): string {
  const own = basename(folder.path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return `rootless-image-build/${what}:${own}`
}
