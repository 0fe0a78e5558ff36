import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import {
  type BuiltBuildah,
  builtBuildah,
  builtVersions,
  type ManifestServer,
  matrixBuildahs,
  serveManifest,
  systemVersion,
} from './built-buildah.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'
import { isExhaustive } from './test-set.js'

/** A Buildah to run a test with. */
export interface TestedEngine {
  readonly name: string
  /** Why it isn't here, if it isn't; for `testUnless`. */
  readonly missing: string | undefined
  readonly version: string
  /** What a step needs to get it. */
  readonly wish: () => Wish
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Inputs, a tool cache that all tests share, or a folder that PATH begins with. */
export type Wish = Pick<StepOptions, 'inputs' | 'toolCache' | 'path'>

/**
 * The versions of Buildah that this set of tests runs on: the system's, and others that Go builds, of which the last in
 * the exhaustive set must be got by a manifest; the others are on PATH, as on a hosted runner.
 * @param how `each` for what depends on the version (keys, labels, layouts, options); `one` for what doesn't, which the
 * ordinary set tests with the system's alone
 */
export function testedEngines(how: 'each' | 'one' = 'each'): TestedEngine[] {
  const system = systemEngine()
  if (how === 'one' && !isExhaustive) return [system]
  return [
    system,
    ...builtVersions(system.version).map((version, index) => {
      const built = builtBuildah(version)
      if (typeof built === 'string') return absentEngine(version, built)
      return index === 0 ? engineOnPath(built) : engineOfManifest(built)
    }),
  ]
}

/** What the table of what Buildah gets wrong is tried with, each with the path of its program. */
export function matrixEngines(): (TestedEngine & { readonly program: string })[] {
  return [
    { ...systemEngine(), program: '/usr/bin/buildah' },
    ...matrixBuildahs().map((one) =>
      'missing' in one
        ? { ...absentEngine(one.version, one.missing), program: '' }
        : { ...engineOnPath(one), program: one.program },
    ),
  ]
}

export function systemEngine(): TestedEngine {
  return {
    name: `the system's Buildah`,
    missing: undefined,
    version: systemVersion(),
    wish: () => ({ inputs: {} }),
    start: nothing,
    stop: nothing,
  }
}

function engineOnPath({ version, program }: BuiltBuildah): TestedEngine {
  let path: string | undefined
  return {
    name: `Buildah ${version}`,
    missing: undefined,
    version,
    wish: () => {
      if (path === undefined) throw new Error('The engine is not started')
      return { inputs: {}, path }
    },
    // A copy, since the account may have no way to where the program is.
    start: () => {
      path = makeFolder('buildah')
      copyFileSync(program, join(path, 'buildah'))
      chmodSync(join(path, 'buildah'), 0o755)
      return Promise.resolve()
    },
    stop: nothing,
  }
}

function engineOfManifest(buildah: BuiltBuildah): TestedEngine {
  let server: ManifestServer | undefined
  let toolCache: string | undefined
  return {
    name: `Buildah ${buildah.version}`,
    missing: undefined,
    version: buildah.version,
    wish: () => {
      if (server === undefined || toolCache === undefined) throw new Error('The engine is not started')
      const inputs = { 'buildah-version': buildah.version, 'buildah-manifest': server.url }
      return { inputs, toolCache }
    },
    start: async () => {
      server = await serveManifest(buildah)
      toolCache = makeFolder('tools', accountFor('user'))
    },
    stop: async () => {
      await server?.stop()
    },
  }
}

function absentEngine(version: string, missing: string): TestedEngine {
  const refuse = (): never => {
    throw new Error(missing)
  }
  return { name: `Buildah ${version}`, missing, version: '', wish: refuse, start: nothing, stop: nothing }
}

const nothing = (): Promise<void> => Promise.resolve()
