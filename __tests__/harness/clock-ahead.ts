import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { makeFolder } from './folders.js'

/** What a step is given in its environment that runs so many days from now. */
export function clockAhead(days: number): { readonly NODE_OPTIONS: string } {
  const path = join(makeFolder('clock-ahead'), 'preload.cjs')
  const preload = `const RealDate = Date
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [Date.now()] : args))
  }
  static now() {
    return RealDate.now() + ${days * 24 * 60 * 60 * 1000}
  }
}
`
  writeFileSync(path, preload)
  return { NODE_OPTIONS: `--require=${path}` }
}
