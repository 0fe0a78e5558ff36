import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'

import { cacheFolder, makeFolder } from './folders.js'

/** Every Node that dist/ has to run on. */
export const majors = [20, 22, 24] as const

/** Path of a Node that scripts/nodes-from-npm.sh has fetched, or what to do where there is none. */
export function findNode(major: number): { readonly program: string } | { readonly missing: string } {
  const program = join(cacheFolder(), `nodes/node_modules/node-${major}-${process.arch}/bin/node`)
  if (existsSync(program)) return { program }
  return { missing: `no Node ${major} here: bash scripts/nodes-from-npm.sh fetches it` }
}

/** A copy of a program where every account can run it: the cache is in somebody's home. */
export function forEveryone(program: string): string {
  const copy = join(makeFolder('node'), 'node')
  copyFileSync(program, copy)
  return copy
}
