import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import type { Layout } from '../../../../src/build-storage.js'
import { type Emulated, tinyProgram } from '../../../../src/engine/buildah/emulation/programs.js'
import { parsePlatform } from '../../../../src/lib/platform.js'
import {
  checkArchitecture,
  interpreterOf,
  WrongArchitectureError,
} from '../../../../src/pipeline/build/image-architecture.js'
import { grow, hex, imageOf, layerOf } from '../../cache/fixtures.js'
import { temporaryFolder } from '../../helpers.js'

/** What a layer has at a path: a program, a link (`-> target`), a whiteout (`gone`), a folder (`/`), or a text. */
type LayerFiles = Readonly<Record<string, Emulated | `-> ${string}` | 'gone' | '/' | `text:${string}`>>

interface Given {
  readonly layers: readonly LayerFiles[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly layout?: Layout
  /** Folders that the uppermost layer hides what is below of. */
  readonly opaque?: readonly string[]
  readonly platform?: string
}

/** Checks an image for amd64 with these layers, the lowest first. @returns what is wrong with it */
async function faultOf({ layers, config = {}, layout = 'overlay-rootless', opaque = [], platform }: Given) {
  const root = temporaryFolder()
  const names = layers.map((_, index) => String(index + 1))
  const image = imageOf('a', names.at(-1))
  const records = names.map((name, index) => layerOf(name, names[index - 1]))
  grow(root, records, [image])
  for (const [index, files] of layers.entries()) {
    const id = hex(names[index] ?? '')
    const isTop = index === layers.length - 1
    writeFileSync(join(root, `overlay-layers/${id}.tar-split.gz`), splitOf(isTop ? opaque : []))
    for (const [path, what] of Object.entries(files)) write(join(root, 'overlay', id, 'diff', path), what)
  }
  const place = join(root, 'overlay-images', hex('i:a'))
  const name = `=${Buffer.from(`sha256:${hex('i:a')}`).toString('base64')}`
  writeFileSync(join(place, name), JSON.stringify({ architecture: 'amd64', os: 'linux', config }))
  if (layout.startsWith('vfs')) asVfs(root, names)
  const wanted = platform === undefined ? undefined : parsePlatform(platform)
  return await checkArchitecture({ layout }, root, { id: `sha256:${hex('i:a')}` }, wanted).then(
    () => undefined,
    (error: unknown) => {
      expect(error).toBeInstanceOf(WrongArchitectureError)
      return (error as Error).message
    },
  )
}

function write(place: string, what: LayerFiles[string]): void {
  mkdirSync(dirname(place), { recursive: true })
  if (what === 'gone') execFileSync('mknod', [place, 'c', '0', '0'])
  else if (what === '/') mkdirSync(place, { recursive: true })
  else if (what.startsWith('-> ')) symlinkSync(what.slice(3), place)
  else if (what.startsWith('text:')) writeFileSync(place, what.slice(5))
  else writeFileSync(place, tinyProgram(what as Emulated))
}

/** What containers/storage keeps of the archive of a layer, here one of empty files. */
function splitOf(opaque: readonly string[]): Buffer {
  const folder = mkdtempSync(join(temporaryFolder(), 'split-'))
  for (const path of opaque) write(join(folder, path, '.wh..wh..opq'), 'text:')
  const archive = execFileSync('tar', ['--create', '--directory', folder, '.'])
  return gzipSync(JSON.stringify({ type: 2, payload: archive.toString('base64') }))
}

/** The same storage as the driver vfs has it. */
function asVfs(root: string, names: readonly string[]): void {
  mkdirSync(join(root, 'vfs/dir'), { recursive: true })
  for (const name of names) renameSync(join(root, 'overlay', hex(name), 'diff'), join(root, 'vfs/dir', hex(name)))
  for (const part of ['layers', 'images']) renameSync(join(root, `overlay-${part}`), join(root, `vfs-${part}`))
}

const entrypoint = (...words: readonly string[]) => ({ Entrypoint: words })
const message = (file: string, architecture: string, platform = 'linux/amd64') =>
  `The Dockerfile makes a wrong image for ${platform}: the program that it starts, ${file}, is built for ${architecture}.`

describe('checkArchitecture', () => {
  it.each<[what: string, given: Given]>([
    ['a program of its processor', { layers: [{ app: 'amd64' }], config: entrypoint('/app') }],
    ['386 in amd64', { layers: [{ app: '386' }], config: entrypoint('/app') }],
    ['arm in arm64', { layers: [{ app: 'arm' }], config: entrypoint('/app'), platform: 'linux/arm64' }],
    [
      'what was asked for, whatever the label',
      { layers: [{ app: 'arm64' }], config: entrypoint('/app'), platform: 'arm64' },
    ],
    ['any variant', { layers: [{ app: 'arm' }], config: entrypoint('/app'), platform: 'linux/arm/v6' }],
    ['nothing at all', { layers: [{ 'data/file': 'text:x' }] }],
    ['an entrypoint that isn’t there', { layers: [{ 'bin/sh': 'arm64' }], config: entrypoint('/gone') }],
    ['no ELF file', { layers: [{ app: 'text:MZ' }], config: entrypoint('/app') }],
    ['a script without what runs it', { layers: [{ app: 'text:#!/bin/sh\n' }], config: entrypoint('/app') }],
    ['a folder', { layers: [{ app: '/' }], config: entrypoint('/app') }],
    ['links in a circle', { layers: [{ a: '-> b', b: '-> a' }], config: entrypoint('/a') }],
    ['what an upper layer has replaced', { layers: [{ app: 'arm64' }, { app: 'amd64' }], config: entrypoint('/app') }],
    ['what an upper layer has removed', { layers: [{ 'bin/sh': 'arm64' }, { 'bin/sh': 'gone' }] }],
    [
      'a folder that was removed',
      { layers: [{ 'opt/app': 'arm64' }, { opt: 'gone' }], config: entrypoint('/opt/app') },
    ],
    [
      'what fuse-overlayfs has removed',
      {
        layers: [{ 'bin/sh': 'arm64' }, { 'bin/.wh.sh': 'text:' }],
        layout: 'fuse-overlayfs-rootless',
      },
    ],
    [
      'a folder that hides the one below',
      { layers: [{ 'opt/app': 'arm64' }, { 'opt/other': 'amd64' }], opaque: ['opt'], config: entrypoint('/opt/app') },
    ],
    [
      'a file in the place of a folder',
      { layers: [{ 'opt/app': 'arm64' }, { opt: 'amd64' }], config: entrypoint('/opt/app') },
    ],
  ])('has nothing against %s', async (_, given) => {
    expect(await faultOf(given)).toBeUndefined()
  })

  it.each<[what: string, given: Given, expected: string]>([
    ['an entrypoint', { layers: [{ app: 'arm64' }], config: entrypoint('/app', 'serve') }, message('"/app"', 'arm64')],
    ['a command', { layers: [{ app: 's390x' }], config: { Cmd: ['/app'] } }, message('"/app"', 's390x')],
    [
      'an entrypoint before the command',
      { layers: [{ app: 'riscv64', ok: 'amd64' }], config: { Entrypoint: ['/app'], Cmd: ['/ok'] } },
      message('"/app"', 'riscv64'),
    ],
    ['the shell, where nothing is started', { layers: [{ 'bin/sh': 'arm64' }] }, message('"/bin/sh"', 'arm64')],
    [
      'amd64 in 386',
      { layers: [{ 'bin/sh': 'amd64' }], platform: 'linux/386' },
      message('"/bin/sh"', 'amd64', 'linux/386'),
    ],
    [
      'amd64 where arm/v7 was asked for',
      { layers: [{ 'bin/sh': 'amd64' }], platform: 'linux/arm/v7' },
      message('"/bin/sh"', 'amd64', 'linux/arm/v7'),
    ],
    [
      'a link, followed within the image',
      { layers: [{ bin: '-> /usr/bin', 'usr/bin/sh': '-> busybox', 'usr/bin/busybox': 'arm64' }] },
      message('"/usr/bin/busybox" (by "/bin/sh")', 'arm64'),
    ],
    [
      'a link up and out, which ends at the root of the image',
      { layers: [{ 'a/app': '-> ../../../b/./app', 'b/app': 'arm64' }], config: entrypoint('/a/app') },
      message('"/b/app" (by "/a/app")', 'arm64'),
    ],
    [
      'a link through layers',
      {
        layers: [{ 'usr/bin/app': 'arm64' }, { bin: '-> usr/bin' }, { 'usr/share/x': 'text:x' }],
        config: entrypoint('/bin/app'),
      },
      message('"/usr/bin/app" (by "/bin/app")', 'arm64'),
    ],
    [
      'what PATH leads to first',
      {
        layers: [{ 'opt/app': 'arm64', 'usr/bin/app': 'amd64' }],
        config: { ...entrypoint('app'), Env: ['A=b', 'PATH=/none:/opt:/usr/bin'] },
      },
      message('"/opt/app" (by "app")', 'arm64'),
    ],
    [
      'what PATH leads to, where what came first was removed',
      {
        layers: [{ 'opt/app': 'amd64', 'usr/bin/app': 'arm64' }, { 'opt/app': 'gone' }],
        config: { ...entrypoint('app'), Env: ['PATH=/opt:/usr/bin'] },
      },
      message('"/usr/bin/app" (by "app")', 'arm64'),
    ],
    [
      'what lies in the working directory',
      { layers: [{ 'srv/app': 'arm64' }], config: { ...entrypoint('./app'), WorkingDir: '/srv' } },
      message('"/srv/app" (by "./app")', 'arm64'),
    ],
    [
      'what runs a script',
      { layers: [{ 'run.sh': 'text:#!/bin/sh -e\n', 'bin/sh': 'arm64' }], config: entrypoint('/run.sh') },
      message('"/bin/sh" (by "/run.sh")', 'arm64'),
    ],
    [
      'what env runs a script with',
      {
        layers: [{ 'run.py': 'text:#!/usr/bin/env -S python3 -u\n', 'usr/bin/python3': 'arm64' }],
        config: entrypoint('/run.py'),
      },
      message('"/usr/bin/python3" (by "/run.py")', 'arm64'),
    ],
    [
      'what an upper layer has put there again',
      { layers: [{ 'bin/sh': 'amd64' }, { 'bin/sh': 'gone' }, { 'bin/sh': 'arm64' }] },
      message('"/bin/sh"', 'arm64'),
    ],
    [
      'the uppermost layer of vfs',
      { layers: [{ 'bin/sh': 'amd64' }, { 'bin/sh': 'arm64' }], layout: 'vfs-rootless' },
      message('"/bin/sh"', 'arm64'),
    ],
  ])('finds %s', async (_, given, expected) => {
    expect(await faultOf(given)).toBe(expected)
  })

  it('says nothing of an image that the storage hasn’t', async () => {
    const platform = parsePlatform('linux/arm64')
    const check = checkArchitecture({ layout: 'overlay-rootless' }, temporaryFolder(), { id: 'sha256:00' }, platform)
    await expect(check).resolves.toBeUndefined()
  })
})

describe('interpreterOf', () => {
  it.each([
    ['#!/bin/sh\n', '/bin/sh'],
    ['#! /bin/bash -e\n', '/bin/bash'],
    ['#!/usr/bin/env node\n', 'node'],
    ['#!/usr/bin/env -S A=b python3 -u\n', 'python3'],
    ['#!sh\n', undefined],
    ['#!/bin/sh', undefined],
    ['echo hello\n', undefined],
  ])('%j: %s', (text, expected) => {
    expect(interpreterOf(text)).toBe(expected)
  })
})
