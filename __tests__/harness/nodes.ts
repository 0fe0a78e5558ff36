import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { makeFolder } from './folders.js'
import { provide } from './provide.js'

/** Every Node that dist/ has to run on. */
export const majors = [20, 22, 24] as const

/** Path of a Node of the npm registry, or why there is none. */
export function findNode(major: number): { readonly program: string } | { readonly missing: string } {
  const nodes = provide('nodes-from-npm.sh')
  if ('missing' in nodes) return nodes
  return { program: join(nodes.folder, `node_modules/node-${major}-${process.arch}/bin/node`) }
}

/** A copy of a program where every account can run it: what is kept is in somebody's home. */
export function forEveryone(program: string): string {
  const copy = join(makeFolder('node'), 'node')
  copyFileSync(program, copy)
  return copy
}
