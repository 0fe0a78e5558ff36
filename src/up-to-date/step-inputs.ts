import { randomUUID } from 'node:crypto'
import { lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { digestTree } from '../lib/hash.js'
import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { targetPlatform } from '../runner/platform-inputs.js'
import { contextMounts, linkMounts } from '../dockerfile/compared-mounts.js'
import type { StepInputs } from '../dockerfile/step-keys.js'
import { PROXIES } from '../dockerfile/variables.js'
import { hiddenArgument } from '../engine/buildah/args.js'
import type { BuildSpec } from '../engine/engine.js'
import type { Env } from '../exec.js'
import { runStepTexts } from '../runner/counted-inputs.js'
import type { Inputs } from '../runner/inputs.js'
import { analysisOf, argumentsOf } from '../source/analysis.js'
import type { Source } from '../source/source.js'
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
      env['SOURCE_DATE_EPOCH'] ?? '',
      ...runStepTexts(inputs),
    ],
    buildArgs: argumentsOf(inputs, env),
    proxies: proxiesIn(env),
    annotations: annotations.map(({ name, value }) => `${name}=${value}`),
    labels,
    buildah: version,
    contexts: inputs.buildContexts,
    contextDigests: digests,
    copied,
  }
}

/** What keeps from telling what a step depends on, as a noun. */
export function untrackedInput(
  { extraArgs }: Inputs,
  { file, dockerfile }: Pick<Source, 'file' | 'dockerfile'>,
): string | undefined {
  const argument = hiddenArgument(extraArgs)
  if (argument !== undefined) return `${argument} in "extra-args"`
  const { ambiguous } = dockerfile
  if (ambiguous !== undefined) return `line ${ambiguous} (BuildKit and Buildah read it differently)`
  return file.endsWith('.in') ? `the preprocessor of ${file}` : undefined
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}

/** The proxies of an environment, by the names of their variables, without the logins in their URLs. */
export function proxiesIn(env: Env): Map<string, string> {
  return new Map(
    [...PROXIES].flatMap((name) => {
      const value = env[name]
      return value === undefined ? [] : [[name, value.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, '$1')] as const]
    }),
  )
}
