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
  const names = Object.fromEntries(late.map(({ id, origins }) => [id, `${basename(origins[0].request, '.js')}.js`]))
  if (new Set(Object.values(names)).size < late.length) throw new Error(`Two chunks have one name: ${names}`)
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
