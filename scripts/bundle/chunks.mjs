import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { minifySync } from '@swc/core'

/** How webpack's runtime makes the name of a file of the number of its chunk. */
const NAMING = /(\w+)=>""\+\1\+"\.index\.js"/

/**
 * Gives what is loaded late the name of what is loaded, and minifies it: ncc numbers these files, so that one that stays
 * the same has another name in the next bundle, and minifies the first one alone.
 * @param folder of one bundle
 * @param chunks of webpack's statistics
 */
export function nameChunks(folder, chunks) {
  const late = chunks.filter(({ names }) => names.length === 0)
  if (late.length === 0) return
  const names = namesOf(late)
  for (const [id, name] of Object.entries(names)) {
    renameSync(join(folder, `${id}.index.js`), join(folder, name))
    const { code } = minifySync(readFileSync(join(folder, name), 'utf8'), { module: true, format: { comments: false } })
    writeFileSync(join(folder, name), code)
  }
  const index = join(folder, 'index.js')
  const text = readFileSync(index, 'utf8')
  if (!NAMING.test(text)) throw new Error(`${index} names its chunks in a way that is not known here`)
  writeFileSync(
    index,
    text.replace(NAMING, (_, id) => `${id}=>(${JSON.stringify(names)})[${id}]`),
  )
}

/** Names of files by the numbers of their chunks. What several load is a chunk of its own: the largest of one name has it. */
function namesOf(chunks) {
  const taken = new Map()
  const ordered = chunks.toSorted((one, other) => other.size - one.size || one.id - other.id)
  return Object.fromEntries(
    ordered.map(({ id, origins }) => {
      const name = basename(origins[0].request, '.js')
      const count = (taken.get(name) ?? 0) + 1
      taken.set(name, count)
      return [id, count === 1 ? `${name}.js` : `${name}-${count}.js`]
    }),
  )
}
