import { oneTypoFrom, sameButSpelling } from '../lib/spelling.js'
import type { Analysis } from './analysis.js'
import { parseDockerfile, type Instruction } from './dockerfile.js'
import { declarationsOf, PROXIES } from './variables.js'

/** A build argument that no ARG takes, and the ARG that is probably meant. */
export interface MistypedArgument {
  readonly given: string
  readonly meant: string
  /** Of that ARG, from 1. */
  readonly line: number
}

/** What an engine or a frontend takes without an ARG. */
const PREDEFINED =
  /^(?:(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)|SOURCE_DATE_EPOCH|BUILDKIT_\w*|all_proxy|ALL_PROXY)$/

/**
 * Build arguments that differ by one typing error, in case or in a plural from an ARG that isn't given a value. One that is
 * near to none is often meant for another Dockerfile. Pure.
 */
export function mistypedArguments({ dockerfile, values: { buildArgs } }: Analysis): MistypedArgument[] {
  const instructions = [...dockerfile.globals, ...dockerfile.stages.flatMap((stage) => stage.instructions)]
  const lines = new Map(instructions.toReversed().flatMap((one) => declaredBy(one).map((name) => [name, one.line])))
  const open = [...lines.keys()].filter((name) => !buildArgs.has(name))
  return [...buildArgs.keys()].flatMap((given) => {
    if (lines.has(given) || PROXIES.has(given) || PREDEFINED.test(given)) return []
    const meant = sameButSpelling(given, open) ?? oneTypoFrom(given, open)
    return meant === undefined ? [] : [{ given, meant, line: lines.get(meant) ?? 1 }]
  })
}

/** Names that an instruction declares, also one that is put off. */
function declaredBy(instruction: Instruction): string[] {
  const { keyword, argument, line } = instruction
  if (keyword !== 'ONBUILD') return declarationsOf(instruction).map(({ name }) => name)
  const [stage] = parseDockerfile(`FROM scratch\n${argument}\n`).stages
  return (stage?.instructions ?? []).flatMap((put) => declaredBy({ ...put, line }))
}
