import type { Analysis } from './analysis.js'
import type { Instruction, Stage } from './dockerfile.js'
import { declarationsOf, textOf } from './variables.js'

/** A variable that a stage names and doesn't declare: the stage that it is built on does. */
export interface InheritedArgument {
  readonly name: string
  /** Where it is named. */
  readonly line: number
}

const ENV_NAMES = /(?:^|\s)([A-Za-z_]\w*)=/g
const USES = /(?<!\\)\$\{?([A-Za-z_]\w*)/g

/** What the stages before have given to a stage that is built on them. */
interface Scope {
  /** Arguments with a value. */
  readonly arguments: Set<string>
  /** Variables of the environment, which hide arguments. */
  readonly environment: Set<string>
}

/**
 * Where stages name arguments that they have from the stage that they are built on; each line once a name. What a shell
 * sets by itself is left out. Pure.
 */
export function inheritedArguments({ values, globals, stages }: Analysis): InheritedArgument[] {
  // One that is empty is there as it is when it has been lost.
  const known = new Set([...globals, ...values.buildArgs].flatMap(([name, value]) => (value === '' ? [] : [name])))
  const ends: Scope[] = []
  return stages.flatMap(({ stage, base }) => {
    const [parent, other] = base.stages.map((index) => ends[index])
    const scope = (other === undefined ? parent : undefined) ?? {
      arguments: new Set(),
      environment: new Set(),
    }
    const { found, end } = walk(stage, scope, known)
    ends.push(end)
    return found
  })
}

/** What a stage names of its scope, and the scope of those that are built on it. */
function walk({ instructions }: Stage, inherited: Scope, known: ReadonlySet<string>) {
  const found: InheritedArgument[] = []
  const open = new Set(inherited.arguments)
  const end: Scope = { arguments: new Set(inherited.arguments), environment: new Set(inherited.environment) }
  for (const instruction of instructions) {
    const isOpen = (name: string) => open.has(name) && !end.environment.has(name)
    for (const name of usedBy(instruction)) if (isOpen(name)) found.push({ name, line: instruction.line })
    for (const { name, value } of declarationsOf(instruction)) {
      open.delete(name)
      if (value !== undefined || known.has(name)) end.arguments.add(name)
    }
    if (instruction.keyword === 'ENV') for (const name of namesOf(instruction)) end.environment.add(name)
  }
  return { found, end }
}

function usedBy(instruction: Instruction): Set<string> {
  const { keyword, argument } = instruction
  if (keyword === 'ONBUILD') return new Set()
  const names = [...textOf(instruction).matchAll(USES)].map(([, name = '']) => name)
  return new Set(keyword === 'RUN' ? names.filter((name) => !isSetIn(argument, name)) : names)
}

/** Whether a shell command gives a variable a value of its own. */
function isSetIn(command: string, name: string): boolean {
  return new RegExp(`\\b${name}=|\\bfor\\s+${name}\\b|\\bread\\b[^;|&\\n]*\\b${name}\\b`).test(command)
}

function namesOf({ argument }: Instruction): string[] {
  const pairs = [...argument.matchAll(ENV_NAMES)].map(([, name = '']) => name)
  // `ENV NAME value` as well.
  return [argument.split(/[\s=]/, 1)[0] ?? '', ...pairs]
}
