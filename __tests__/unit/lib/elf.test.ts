import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { architectureOf, readElfHeader } from '../../../src/lib/elf.js'
import { nativePlatform } from '../../../src/lib/platform.js'

describe('readElfHeader', () => {
  it.each<[what: string, bytes: Buffer]>([
    ['a script', Buffer.from('#!/bin/sh\nexec sleep infinity\n')],
    ['a file that ends too early', Buffer.from('\x7fELF\x02\x01\x01', 'latin1')],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(64)],
  ])('finds none in %s', (_, bytes) => {
    expect(readElfHeader(bytes)).toBeUndefined()
  })

  it('finds the processor of this program in it', () => {
    const header = readElfHeader(readFileSync(process.execPath).subarray(0, 64))
    expect(header && architectureOf(header)).toBe(nativePlatform().architecture)
  })
})

describe('architectureOf', () => {
  it.each([
    [21, 64, 'little', 'ppc64le'],
    [21, 64, 'big', 'ppc64'],
    [62, 64, 'little', 'amd64'],
    // Of 32 bits on an x86-64 processor (x32): no architecture of images.
    [62, 32, 'little', undefined],
    [9999, 64, 'little', undefined],
  ] as const)('machine %d of %d bits, %s endian: %s', (machine, bits, endian, expected) => {
    expect(architectureOf({ machine, bits, endian })).toBe(expected)
  })
})
