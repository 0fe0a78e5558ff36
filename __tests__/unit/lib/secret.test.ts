import { format, inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { Secret } from '../../../src/lib/secret.js'

describe('Secret', () => {
  const secret = new Secret('hunter2')
  const loose: unknown = secret

  it('gives the text to who asks for it', () => {
    expect(secret.reveal()).toBe('hunter2')
  })

  it.each([
    ['a template', () => `password: ${loose as string}`],
    ['String()', () => String(loose)],
    ['joining', () => [loose, 'x'].join(' ')],
    ['adding', () => 'password: ' + (loose as string)],
    ['JSON', () => JSON.stringify({ password: loose })],
    ['inspect', () => inspect({ deep: [{ password: loose }] }, { depth: 9 })],
    ['inspect of what is hidden', () => inspect(loose, { showHidden: true, customInspect: true })],
    ['inspect without its own word', () => inspect(loose, { customInspect: false, showHidden: true, getters: true })],
    ['console.log', () => format('%s %o %O %j', loose, loose, loose, loose)],
    ['keys and values', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret)])],
    ['an error', () => new Error(`refused: ${String(loose)}`, { cause: loose }).stack ?? ''],
    ['a copy', () => JSON.stringify(Object.assign({}, loose))],
  ])('shows none of it by %s', (_, print) => {
    expect(print()).not.toContain('hunter2')
  })

  it('shows that something is there', () => {
    expect([String(loose), JSON.stringify(loose), inspect(loose)]).toStrictEqual(['***', '"***"', '***'])
  })
})
