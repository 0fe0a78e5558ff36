import type { Analysis } from './analysis.js'
import type { Instruction, Stage } from './dockerfile.js'
import { declarationsOf, textOf, type Values, variablesIn } from './variables.js'

/** A variable that a stage names and doesn't declare: the stage that it is built on does. */
export interface InheritedArgument {
  readonly name: string
  /** Where it is named. */
  readonly line: number
  readonly kind: DefaultKind
}

/**
 * How an engine has to come to the value of an argument in a stage that is built on its own: `plain`, that is given, or its
 * default as it is written; `read`, its default has quotes, escapes or arguments of its stage that have one themselves;
 * `other`, its default has other variables, or such as are given or set by ENV.
 */
export type DefaultKind = 'plain' | 'read' | 'other'

const ENV_NAMES = /(?:^|\s)([A-Za-z_]\w*)=/g
const USES = /(?<!\\)\$\{?([A-Za-z_]\w*)/g

/** What the stages before have given to a stage that is built on them. */
interface Scope {
  /** Arguments with a value. */
  readonly arguments: Map<string, DefaultKind>
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
      arguments: new Map(),
      environment: new Set(),
    }
    const { found, end } = walk(stage, scope, { known, given: values.buildArgs })
    ends.push(end)
    return found
  })
}

/** What arguments have a value of from outside of all stages. */
interface Outside {
  readonly known: ReadonlySet<string>
  readonly given: Values
}

/** What a stage names of its scope, and the scope of those that are built on it. */
function walk({ instructions }: Stage, inherited: Scope, { known, given }: Outside) {
  const found: InheritedArgument[] = []
  const open = new Map(inherited.arguments)
  const end: Scope = { arguments: new Map(inherited.arguments), environment: new Set(inherited.environment) }
  /** Arguments that have a default here. */
  const own = new Map<string, DefaultKind>()
  const isFixed = (name: string) => own.has(name) && own.get(name) !== 'other' && !end.environment.has(name)
  for (const instruction of instructions) {
    for (const name of usedBy(instruction)) {
      const kind = end.environment.has(name) ? undefined : open.get(name)
      if (kind !== undefined) found.push({ name, line: instruction.line, kind })
    }
    for (const { name, value } of declarationsOf(instruction)) {
      open.delete(name)
      const kind = value === undefined || given.has(name) ? 'plain' : kindOf(value, isFixed)
      if (value !== undefined && !given.has(name)) own.set(name, kind)
      if (value !== undefined || known.has(name)) end.arguments.set(name, kind)
    }
    if (instruction.keyword === 'ENV') for (const name of namesOf(instruction)) end.environment.add(name)
  }
  return { found, end }
}

/** @param isFixed whether a variable has nothing but its own default */
function kindOf(value: string, isFixed: (name: string) => boolean): DefaultKind {
  if (!variablesIn(value).every(isFixed)) return 'other'
  return /["'`\\$]/.test(value) ? 'read' : 'plain'
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
