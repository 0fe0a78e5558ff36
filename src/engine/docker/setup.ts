import { basename } from 'node:path'
import type { Context } from '../../runner/context.js'
import type { Env } from '../../exec.js'
import type { EngineFacts } from '../engine.js'
import type { WorkDir } from '../work-dir.js'
import type { Docker } from './builder.js'

/** Everything that Docker's command lines need beside the request. */
export interface DockerSetup {
  readonly docker: Docker
  /** With a private DOCKER_CONFIG in it. */
  readonly env: Env
  readonly folder: WorkDir
  readonly context: Context
  /** Absolute path of the folder with the steps of earlier builds, and for those of this one. */
  readonly root: string
  /** Registries that may be contacted without TLS or with an unknown certificate. */
  readonly insecure: readonly string[]
  readonly facts: EngineFacts
}

/** The same, with further environment of its programs; pure. */
export function withEnv(setup: DockerSetup, env: Env): DockerSetup {
  return { ...setup, env: { ...setup.env, ...env } }
}

/** An image name that no other job uses, made from the name of the work directory. */
export function privateName(what: string, { folder }: DockerSetup): string {
  const own = basename(folder.path)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return `rootless-image-build/${what}:${own}`
}

/** The part of the setup that the client needs. */
export type DockerClient = Pick<DockerSetup, 'docker' | 'env' | 'folder'>
