import { type Analysis, analyze } from '../dockerfile/analysis.js'
import type { Dockerfile } from '../dockerfile/dockerfile.js'
import type { Env } from '../exec.js'
import { platformArguments } from '../lib/platform.js'
import type { Inputs } from '../runner/inputs.js'

/** What a Dockerfile says with these inputs. @param env of the engine; undefined where it isn't known yet */
export function analysisOf(
  inputs: Pick<Inputs, 'buildArgs' | 'buildContexts'>,
  dockerfile: Dockerfile,
  env: Env | undefined,
): Analysis {
  return analyze(dockerfile, {
    buildArgs: env === undefined ? writtenArguments(inputs) : argumentsOf(inputs, env),
    automatic: platformArguments(),
    contexts: new Set(inputs.buildContexts.map(({ name }) => name)),
  })
}

/**
 * The build arguments with their values. A NAME alone has its value from the environment of the engine; where there is
 * none, nothing is given, which isn't the same as an empty value.
 */
export function argumentsOf(inputs: Pick<Inputs, 'buildArgs'>, env: Env): Map<string, string> {
  const given = new Map<string, string>()
  for (const [name, written] of writtenArguments(inputs)) {
    const value = written ?? env[name]
    if (value !== undefined) given.set(name, value)
  }
  return given
}

/** The same without an environment: undefined for a NAME alone. */
function writtenArguments({ buildArgs }: Pick<Inputs, 'buildArgs'>): Map<string, string | undefined> {
  return new Map(
    buildArgs.map((line) => {
      const [name = '', value] = line.split(/=(.*)/s)
      return [name, value]
    }),
  )
}
