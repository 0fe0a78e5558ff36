import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { type BuiltBuildah, newerBuildah, type ManifestServer, serveManifest } from '../harness/built-buildah.js'
import { systemEngine } from '../harness/engines.js'
import { listFolder, makeFolder, makeWorkspace } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles, pullImage } from '../harness/images.js'
import { watchProcesses } from '../harness/process-watch.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { withCovered } from '../harness/surroundings.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const current = newerBuildah()
const missing = typeof current === 'string' ? current : undefined
const system = systemEngine()
/** What the system's can't do and the newer one can; it makes the file /made. */
const modern = lt(system.version, '1.33.0')
  ? { lines: ['RUN <<END', 'echo made > /made', 'END'], since: '1.33.0', name: 'RUN with a heredoc' }
  : { lines: ['COPY --link made /made'], since: '1.41.0', name: 'COPY with --link' }
const noOlder = lt(system.version, modern.since) ? undefined : `the system's Buildah is ${system.version}`

const { registry, base: busybox } = await useRegistry()

function theCurrent(): BuiltBuildah {
  if (typeof current === 'string') throw new Error(current)
  return current
}

/** A push of an image by a Dockerfile with these lines, in a workspace of these files. */
function step(
  lines: readonly string[],
  inputs: Record<string, string>,
  files: Record<string, string> = {},
): StepOptions {
  return {
    workspace: { Dockerfile: [`FROM ${busybox}`, ...lines, ''].join('\n'), ...files },
    inputs: { images: `${registry.host}/acme/install`, push: 'true', 'tls-verify': 'false', ...inputs },
  }
}

/** The line in which the step says what it builds with. */
function engineLine(log: string): string {
  return /^Engine: .*$/m.exec(log)?.[0] ?? ''
}

describe('a Dockerfile that the Buildah on PATH is too old for', () => {
  let toolCache: string
  let server: ManifestServer
  let manifest: string

  beforeAll(async () => {
    if (missing !== undefined) return
    toolCache = makeFolder('tools', accountFor('user'))
    server = await serveManifest(theCurrent())
    manifest = await (await fetch(server.url)).text()
  })

  afterAll(async () => {
    if (missing === undefined) await server.stop()
  })

  testUnless(missing ?? noOlder)('is built with one of the manifest; the log says why', async () => {
    const options = { ...step(modern.lines, { 'buildah-manifest': server.url }, { made: 'made\n' }), toolCache }
    const asked = server.requests.length
    const { log, outputs } = await succeed(options)
    const image = await pullImage(`${registry.host}/acme/install:latest`)
    expect(contentOf(image, 'made').toString()).toBe('made\n')
    expect(outputs['engine-version']).toBe(theCurrent().version)
    expect(image.digest).toBe(outputs['digest'])
    expect(server.requests.slice(asked)).toHaveLength(2)
    // What was found, what was chosen, and why.
    expect(engineLine(log)).toContain(`Buildah ${theCurrent().version} (${toolCache}/`)
    expect(engineLine(log)).toContain(`from the manifest ${server.url}`)
    expect(engineLine(log)).toContain(system.version)
    expect(engineLine(log)).toContain(`Dockerfile line 2: ${modern.name} needs Buildah ${modern.since}`)
  })

  testUnless(missing ?? noOlder)('is built from the tool cache the next time, with no server', async () => {
    await server.stop()
    const files = { made: 'made\n', 'ci/buildah.json': manifest }
    const inputs = { 'buildah-manifest': 'ci/buildah.json' }
    const { outputs } = await succeed({ ...step(modern.lines, inputs, files), toolCache })
    expect(outputs['engine-version']).toBe(theCurrent().version)
    expect(imageFiles(await pullImage(`${registry.host}/acme/install:latest`)).has('made')).toBe(true)
  })
})

describe('an archive of another content than the manifest says', () => {
  testUnless(missing)('is refused: both sums are named, nothing of it is run or kept', async () => {
    const sum = '0'.repeat(64)
    const server = await serveManifest(theCurrent(), sum)
    const toolCache = makeFolder('tools', accountFor('user'))
    const inputs = { 'buildah-manifest': server.url, 'buildah-version': theCurrent().version }
    try {
      const { result, seen } = await watchProcesses(() => fail({ ...step([], inputs), toolCache }))
      const { error, log, temp } = result
      expect(error).toMatch(new RegExp(`has the SHA-256 [0-9a-f]{64}, but the manifest says ${sum}. It is not used.`))
      expect(log).not.toContain('::group::Build')
      expect(listFolder(toolCache)).toStrictEqual([])
      const programs = seen.map(({ argv }) => argv[0] ?? '')
      expect(programs.filter((program) => program.startsWith(dirname(temp)) || program.endsWith('tar'))).toStrictEqual(
        [],
      )
    } finally {
      await server.stop()
    }
  })
})

describe('no fitting Buildah', () => {
  /** No sudo, so that nothing is installed on the machine of the tests. */
  const within = (...programs: readonly string[]) => withCovered(covers([...programs, 'sudo']))

  testUnless(rootReason)('none at all, and no sudo: the error has the lines to paste', async () => {
    const { error, log } = await fail({ ...step([], {}), within: within('buildah') })
    expect(error).toMatch(/^Buildah: Buildah is not on this machine\.\n/m)
    expect(error).toContain("the step isn't root, and `sudo -n` doesn't work here. As root, run:\n")
    expect(error).toMatch(/^ {2}(env DEBIAN_FRONTEND=noninteractive )?\/\S+ .*\bbuildah\b/m)
    expect(log).not.toContain('::group::Build')
  })

  exhaustively(testUnless(missing ?? rootReason))('none at all, and no sudo, but a manifest', async () => {
    const server = await serveManifest(theCurrent())
    try {
      const options = step([], { 'buildah-manifest': server.url })
      const { outputs, log } = await succeed({ ...options, within: within('buildah') })
      expect(outputs['engine-version']).toBe(theCurrent().version)
      expect(engineLine(log)).toContain(`from the manifest ${server.url}`)
    } finally {
      await server.stop()
    }
  })

  testUnless(rootReason)('one too old, and no other: what was found and what was asked for', async () => {
    const { error } = await fail({ ...step([], { 'buildah-version': '>=99' }), within: within() })
    expect(error).toContain(`Buildah ${system.version} (/`)
    expect(error).toContain('input "buildah-version" asks for >=99')
    expect(error).toContain('"buildah-manifest"')
  })

  exhaustively(testUnless(missing ?? rootReason))('one too old, and none in the manifest either', async () => {
    const server = await serveManifest(theCurrent())
    try {
      const inputs = { 'buildah-version': '>=99', 'buildah-manifest': server.url }
      const { error } = await fail({ ...step([], inputs), within: within() })
      expect(error).toContain(`${server.url} lists none for ${process.arch} that can`)
      expect(server.requests).toStrictEqual(['/manifest.json'])
    } finally {
      await server.stop()
    }
  })
})

describe('a package manager that has a newer one', () => {
  // A stand-in for apt-get: what the real one does to the machine can't be undone after a test.
  const aptGet = [
    '#!/bin/sh',
    'shelf=${0%/*}',
    'echo "$@" >> "$shelf/calls"',
    'case " $* " in *" install "*) cp "$shelf/new" "$shelf/buildah" ;; esac',
  ].join('\n')

  testUnless(missing ?? rootReason)('is asked by root, updates its lists first, and is believed', async () => {
    const shelf = makeWorkspace({ 'apt-get': { content: aptGet, mode: 0o755 } })
    copyFileSync(theCurrent().program, join(shelf, 'new'))
    const { log, outputs } = await succeed({
      ...step([], { 'buildah-version': theCurrent().version }),
      as: 'root',
      env: { PATH: `${shelf}:/usr/sbin:/usr/bin:/sbin:/bin` },
    })
    expect(outputs['engine-version']).toBe(theCurrent().version)
    expect(engineLine(log)).toContain(`(${shelf}/buildah, upgraded with the package manager`)
    const calls = readFileSync(join(shelf, 'calls'), 'utf8').trim().split('\n')
    expect(calls).toHaveLength(2)
    expect(calls[0]).toMatch(/ update$/)
    expect(calls[1]).toMatch(/ install --yes .*\bbuildah uidmap\b/)
  })
})

/** Each of these programs, wherever it is, under something that can't be run. */
function covers(programs: readonly string[]): Record<string, string> {
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin']
  const paths = programs.flatMap((program) => folders.map((folder) => join(folder, program)))
  return Object.fromEntries(paths.filter((path) => existsSync(path)).map((path) => [path, '/dev/null']))
}
