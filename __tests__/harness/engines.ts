import { execFileSync } from 'node:child_process'

import { accountFor } from './account.js'
import { type CurrentBuildah, currentBuildah, type ManifestServer, serveManifest } from './current-buildah.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** A Buildah to run a test with. */
export interface TestedEngine {
  readonly name: string
  /** Why it isn't here, if it isn't; for `testUnless`. */
  readonly missing: string | undefined
  readonly version: string
  /** What a step needs to get it: inputs, and a tool cache that all tests share. */
  readonly wish: () => Pick<StepOptions, 'inputs' | 'toolCache'>
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** The Buildah of the system, which is on PATH, and a current one, which the action must get by a manifest. */
export function testedEngines(): TestedEngine[] {
  const current = currentBuildah()
  return [systemEngine(), typeof current === 'string' ? absentEngine(current) : currentEngine(current)]
}

export function systemEngine(): TestedEngine {
  const nothing = (): Promise<void> => Promise.resolve()
  const version = /version (\d+\.\d+\.\d+)/.exec(execFileSync('buildah', ['--version']).toString())?.[1] ?? ''
  return {
    name: `the system's Buildah`,
    missing: undefined,
    version,
    wish: () => ({ inputs: {} }),
    start: nothing,
    stop: nothing,
  }
}

function currentEngine(buildah: CurrentBuildah): TestedEngine {
  let server: ManifestServer | undefined
  let toolCache: string | undefined
  return {
    name: 'a current Buildah',
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

function absentEngine(reason: string): TestedEngine {
  const refuse = (): never => {
    throw new Error(reason)
  }
  const nothing = (): Promise<void> => Promise.resolve()
  return { name: 'a current Buildah', missing: reason, version: '', wish: refuse, start: nothing, stop: nothing }
}
