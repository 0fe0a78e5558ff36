import { randomUUID } from 'node:crypto'
import { lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { digestTree } from '../lib/hash.js'
import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { targetPlatform } from '../runner/platform-inputs.js'
import { contextMounts, linkMounts } from '../dockerfile/compared-mounts.js'
import type { StepInputs } from '../dockerfile/step-keys.js'
import type { BuildSpec } from '../engine/engine.js'
import { runStepTexts } from '../runner/counted-inputs.js'
import { SOURCE_DATE_EPOCH } from '../runner/timestamp-input.js'
import { analysisOf, argumentsOf } from '../source/analysis.js'
import { proxiesIn } from './proxies.js'
import type { ContainersStorage } from '../build-storage.js'

/** What is built, with what is known of its context. */
export interface Building extends BuildSpec {
  /** Digests of what is copied from the context, by path; empty where nobody looked. */
  readonly copied: ReadonlyMap<string, string>
}

/** What decides the result of the steps in addition to the Dockerfile and what is copied. */
export async function stepInputsOf(
  { inputs, source, format, copied, labels, annotations }: Building,
  { version, env }: ContainersStorage,
): Promise<StepInputs> {
  const { context: folder } = source
  const analysis = analysisOf(inputs, source.dockerfile, env)
  const time = inputs.timestamp?.seconds
  const digests = new Map<string, string>()
  const add = async (path: string, isWanted: (path: string) => Promise<boolean>) => {
    const full = join(folder, path)
    if (!(await isWanted(full))) return
    // What a link points to: Buildah mounts that. What lies outside may be a file without an end, and isn't what Buildah
    // would mount: nobody knows, so that no earlier step is the same.
    const real = await realpath(full).catch(() => full)
    const isInside = real === folder || real.startsWith(`${folder}/`)
    const digest = isInside ? await digestTree(real) : randomUUID()
    if (digest !== undefined) digests.set(path, digest)
  }
  await Promise.all([
    ...contextMounts(analysis, version).map((path) => add(path, () => Promise.resolve(true))),
    ...linkMounts(analysis, version).map((path) => add(path, isLink)),
  ])
  return {
    // What RUN steps run on counts as well, where a stage is built for the machine itself.
    seed: [
      ...[nativePlatform(), targetPlatform(inputs)].map(formatPlatform),
      format,
      String(time ?? env[SOURCE_DATE_EPOCH] ?? ''),
      ...runStepTexts(inputs),
    ],
    buildArgs: argumentsOf(inputs, env),
    proxies: proxiesIn(env),
    annotations: annotations.map(({ name, value }) => `${name}=${value}`),
    labels,
    hasTimestamp: time !== undefined,
    buildah: version,
    contexts: inputs.buildContexts,
    contextDigests: digests,
    copied,
  }
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}
