import { type Analysis, analyze } from '../dockerfile/analysis.js'
import type { Dockerfile } from '../dockerfile/dockerfile.js'
import type { Env } from '../exec.js'
import { platformArguments } from '../lib/platform.js'
import { parseBuildArg } from '../runner/build-arguments.js'
import type { Inputs } from '../runner/inputs.js'
import type { Values } from '../dockerfile/variables.js'

const FLAG = '--build-arg'

/** What a Dockerfile says with these inputs. @param env of the engine; undefined where it isn't known yet */
export function analysisOf(
  inputs: Pick<Inputs, 'platforms' | 'buildArgs' | 'extraArgs' | 'buildContexts'>,
  dockerfile: Dockerfile,
  env: Env | undefined,
): Analysis {
  const automatic = platformArguments(inputs.platforms)
  // A builder may be on a machine of another platform, and builds for that where nothing is asked.
  const told = inputs.platforms.length === 0 ? [] : [...automatic].filter(([name]) => name.startsWith('TARGET'))
  return analyze(dockerfile, {
    buildArgs: env === undefined ? writtenArguments(inputs) : argumentsOf(inputs, env),
    automatic,
    told: new Map(told),
    contexts: new Set(inputs.buildContexts.map(({ name }) => name)),
  })
}

/**
 * The build arguments with their values. A NAME alone has its value from the environment of the engine; where there is
 * none, nothing is given, which isn't the same as an empty value.
 */
export function argumentsOf(inputs: Pick<Inputs, 'buildArgs' | 'extraArgs'>, env: Env): Map<string, string> {
  const given = new Map<string, string>()
  for (const [name, written] of writtenArguments(inputs)) {
    const value = written ?? env[name]
    if (value !== undefined) given.set(name, value)
  }
  return given
}

/** The same without an environment: undefined for a NAME alone. */
function writtenArguments({ buildArgs, extraArgs }: Pick<Inputs, 'buildArgs' | 'extraArgs'>): Values {
  // These come later on the command line.
  const extra = extraArgs.flatMap((argument, index) => {
    if (argument === FLAG) return [extraArgs[index + 1] ?? '']
    return argument.startsWith(`${FLAG}=`) ? [argument.slice(FLAG.length + 1)] : []
  })
  return new Map([...buildArgs, ...extra.map(parseBuildArg)].map(({ name, value }) => [name, value]))
}
