import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { root, text } from './project-files.js'

interface Row {
  readonly number: number
  readonly loses: string
  readonly file: string
  readonly find: string
  readonly put: string
  readonly test: string
  readonly name?: string
}

// JavaScript, which a script reads as well.
const list = '../../mutations/rows.mjs'
const { rows } = (await import(list)) as { readonly rows: readonly Row[] }

describe('the mutations', () => {
  it.each(rows.map((row) => [row.number, row.file, row] as const))('%i still applies to %s', (_, file, row) => {
    expect({ ...row, count: text(file).split(row.find).length - 1 }).toStrictEqual({ ...row, count: 1 })
    expect(row.put).not.toBe(row.find)
    expect(existsSync(join(root, row.test))).toBe(true)
    expect(() => new RegExp(row.name ?? '')).not.toThrow()
  })

  it('are each another one, and enough', () => {
    expect(new Set(rows.map(({ file, find, put }) => JSON.stringify([file, find, put]))).size).toBe(rows.length)
    expect(rows.length).toBeGreaterThanOrEqual(46)
  })
})
