import { formatPlatform, parsePlatform } from '../lib/platform.js'
import type { Analysis } from './analysis.js'
import { type Dockerfile, type Instruction, parseDockerfile } from './dockerfile.js'
import { literal } from '../lib/regexp.js'
import { editLines } from './line-edits.js'
import { declarationsOf, expand, unquote, type Values, variablesIn } from './variables.js'

/** An ARG that gives a platform a value. */
export interface PlatformDefault {
  readonly line: number
  /** `TARGETPLATFORM` or `BUILDPLATFORM`. */
  readonly name: string
  /** As it is written. */
  readonly value: string
}

const PLATFORMS: ReadonlySet<string> = new Set(['TARGETPLATFORM', 'BUILDPLATFORM'])

/**
 * The text of a Dockerfile in which no ARG gives TARGETPLATFORM or BUILDPLATFORM the value that it has anyhow; undefined
 * where none does. Newer releases of Buildah refuse any value (`platformDefault`). Pure.
 * @param automatic what the engine declares by itself
 */
export function withoutPlatformDefaults(text: string, automatic: Values): string | undefined {
  const dockerfile = parseDockerfile(text)
  if (dockerfile.ambiguous !== undefined) return undefined
  const spare = defaultsIn(instructionsOf(dockerfile)).filter((one) => isOwnValue(one, automatic))
  if (spare.length === 0) return undefined
  const edits = spare.map(({ line, name, value }) => ({
    line,
    find: new RegExp(`(?<=\\s${name})=${literal(value)}(?=\\s|$)`),
    put: '',
  }))
  const rewritten = editLines(text, dockerfile, edits)
  const left = defaultsIn(instructionsOf(parseDockerfile(rewritten)))
  return left.some((one) => isOwnValue(one, automatic)) ? undefined : rewritten
}

/** The ARG instructions that give a platform a value. Pure. */
export function platformDefaults({ dockerfile }: Pick<Analysis, 'dockerfile'>): PlatformDefault[] {
  return defaultsIn(instructionsOf(dockerfile))
}

function instructionsOf({ globals, stages }: Dockerfile): Instruction[] {
  return [...globals, ...stages.flatMap(({ instructions }) => instructions)]
}

function defaultsIn(instructions: readonly Instruction[]): PlatformDefault[] {
  return instructions.flatMap((instruction) =>
    declarationsOf(instruction).flatMap(({ name, value }) =>
      PLATFORMS.has(name) && value !== undefined ? [{ line: instruction.line, name, value }] : [],
    ),
  )
}

function isOwnValue({ name, value }: PlatformDefault, automatic: Values): boolean {
  // Any other variable may have a value that isn't known here.
  if (variablesIn(value).some((variable) => automatic.get(variable) === undefined)) return false
  const platform = parsePlatform(expand(unquote(value), automatic) ?? '')
  return platform !== undefined && formatPlatform(platform) === automatic.get(name)
}
