import { resolve } from 'node:path'
import type { Context } from '../runner/context.js'
import type { Dependencies } from '../dockerfile/dependencies.js'
import type { Pair } from '../runner/input-parsers.js'
import type { Inputs } from '../runner/inputs.js'
import { isPath } from '../source/source.js'

const IMAGE = 'docker-image://'

/** The further build contexts of a build, as far as they are used. */
export interface FurtherContexts {
  readonly folders: readonly { readonly name: string; readonly folder: string }[]
  readonly images: readonly string[]
  /** Which image each name stands for. */
  readonly named: readonly Pair[]
  readonly doubts: readonly string[]
}

/** The further build contexts that the Dockerfile uses. */
export function contextsOf(
  { buildContexts }: Inputs,
  { contexts }: Dependencies,
  { workspace }: Context,
): FurtherContexts {
  const used = buildContexts.filter(({ name }) => contexts.includes(name))
  const isImage = ({ value }: { readonly value: string }) => value.startsWith(IMAGE)
  const folders = used.filter(({ value }) => isPath(value))
  const others = used.filter((one) => !isImage(one) && !folders.includes(one))
  return {
    folders: folders.map(({ name, value }) => ({ name, folder: resolve(workspace, value) })),
    images: used.filter(isImage).map(({ value }) => value.slice(IMAGE.length)),
    named: used.filter(isImage),
    doubts: others.map(
      ({ name }) => `the content of the build context ${JSON.stringify(name)} can't be determined before the build`,
    ),
  }
}
