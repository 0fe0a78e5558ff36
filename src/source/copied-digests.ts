import { copiedPaths, mountedPaths } from '../dockerfile/copies.js'
import type { ContextPath } from '../dockerfile/dependencies.js'
import type { Dockerfile } from '../dockerfile/dockerfile.js'
import { mountKey } from '../dockerfile/step-keys.js'
import { readIgnored } from './ignored-files.js'
import type { Source } from './source.js'
import { type Survey, surveyContext } from './scan.js'

/** Beyond this it would take longer than it is good for. */
const LIMITS = { bytes: 256 * 2 ** 20, files: 50_000 }

/**
 * Digests by path, from a survey that has looked at all that is copied; none where it takes too long.
 * @throws Error where something can't be read
 */
export async function copiedOf(survey: Survey, dockerfile: Dockerfile): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  if (survey.bytes > LIMITS.bytes) return digests
  for (const one of pathsRead(dockerfile))
    digests.set(one.mounted ? mountKey(one.path) : one.path, await survey.digestOf([one]))
  return digests
}

/** What steps take of the context, and what is mounted of it. */
export function pathsRead(dockerfile: Dockerfile): ContextPath[] {
  return [
    ...copiedPaths(dockerfile).map((path) => ({ path, mounted: false })),
    ...mountedPaths(dockerfile).map((path) => ({ path, mounted: true })),
  ]
}

/**
 * Digests of what the COPY and ADD instructions of a Dockerfile take from the context, by their paths, and of what RUN
 * mounts of it: names, types,
 * modes, contents and what links point to; no times and no owners. What can't be told, or takes too long, is left out.
 * Never rejects.
 */
export async function digestCopied(
  source: Pick<Source, 'context' | 'file' | 'dockerfile'>,
  limits = LIMITS,
): Promise<Map<string, string>> {
  try {
    const survey = await surveyContext({
      ...{ context: source.context, ignores: await readIgnored(source) },
      ...{ paths: pathsRead(source.dockerfile), limits },
    })
    return await copiedOf(survey, source.dockerfile)
  } catch {
    return new Map()
  }
}
