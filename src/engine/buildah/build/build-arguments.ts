import { getsWrong } from '../../../dockerfile/known-wrong.js'
import { variablesIn } from '../../../dockerfile/variables.js'
import { formatBuildArg } from '../../../runner/build-arguments.js'
import { foreignPlatform } from '../../../runner/platform-inputs.js'
import { analysisOf } from '../../../source/analysis.js'
import type { BuildRequest } from '../../engine.js'

/** What is behind each `--build-arg`. Pure. */
export function argumentsOf(request: Pick<BuildRequest, 'inputs' | 'source'>, version: string): string[] {
  return [...request.inputs.buildArgs.map(formatBuildArg), ...targetArguments(request, version)]
}

/**
 * The values of the target's variables that a FROM names, as build arguments: without these, such a release of Buildah
 * doesn't find the stage (`stageByPlatform`, `stageByOwnPlatform`).
 */
function targetArguments({ inputs, source }: Pick<BuildRequest, 'inputs' | 'source'>, version: string): string[] {
  const fault = foreignPlatform(inputs) === undefined ? 'stageByOwnPlatform' : 'stageByPlatform'
  if (!getsWrong(fault, version)) return []
  const { stages } = source.dockerfile
  const named = new Set(stages.flatMap(({ base }) => variablesIn(base)))
  const open = [...named].filter((name) => /^TARGET/.test(name) && !inputs.buildArgs.some((one) => one.name === name))
  if (open.length === 0) return []
  const { globals } = analysisOf(inputs, source.dockerfile, undefined)
  return open.flatMap((name) => {
    const value = globals.get(name)
    return value === undefined ? [] : [`${name}=${value}`]
  })
}
