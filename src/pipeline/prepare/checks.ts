import { readFile } from 'node:fs/promises'
import { CHECK_ARGUMENT, readCheckDirectives } from '../../dockerfile/check-directives.js'
import { check, type CheckScene, type Finding } from '../../dockerfile/checks.js'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { openLines } from '../../dockerfile/lines.js'
import type { KnownEngine } from '../../engine/engine.js'
import { UserError } from '../../errors.js'
import { info, markAt, warn } from '../../log.js'
import { analysisOf, argumentsOf } from '../../source/analysis.js'
import { ignoreMatcher, isPlain, parseIgnoreFile } from '../../source/dockerignore.js'
import { tellMistypedArguments } from './mistyped-arguments.js'
import { checkFactsOfBases, type ReadSettings } from './base-settings.js'
import type { Wanted } from '../engine.js'

/** GitHub shows no more annotations of a step. */
const MAX_MARKS = 10
/** Patterns that leave out all of the context. */
const ALL = new Set(['*', '**', '**/*'])

/**
 * Says what the checks of the Dockerfile find, where the engine doesn't do so by itself.
 * @param settings of base images, which are read where they decide on a finding
 * @throws UserError where findings are errors
 */
export async function tellChecks(
  { inputs, source }: Pick<Wanted, 'inputs' | 'source'>,
  engine: Pick<KnownEngine, 'env' | 'traits'>,
  settings: ReadSettings,
  { workspace }: { readonly workspace: string },
): Promise<void> {
  // What a preprocessor makes of it, it alone knows.
  if (inputs.checks === 'off' || source.file.endsWith('.in')) return
  tellMistypedArguments({ inputs, source }, workspace)
  if (engine.traits.printsChecks) return
  const text = await readFile(source.file, 'utf8')
  const directives = readCheckDirectives(text, argumentsOf(inputs, engine.env).get(CHECK_ARGUMENT))
  const analysis = analysisOf(inputs, source.dockerfile, engine.env)
  const scene: CheckScene = {
    target: targetIndex(source.dockerfile, source.target),
    directives,
    escape: openLines(text, 'BuildKit').escape,
    ignoring: ignoringBy(source.ignoreFile?.text),
    bases: new Map(),
  }
  const first = check(analysis, scene)
  const bases = first.undecided.size === 0 ? undefined : checkFactsOfBases(await settings())
  const { findings } = bases === undefined ? first : check(analysis, { ...scene, bases })
  const isError = inputs.checks === 'error' || directives.file.isError
  // The first one is marked by the error.
  tell(isError ? findings.slice(1) : findings, source.file, workspace)
  if (isError) refuse(findings, source.file)
}

/** The line of an ignore file by which a path is left out for every engine. Pure. */
export function ignoringBy(ignoreFile = ''): CheckScene['ignoring'] {
  const patterns = parseIgnoreFile(ignoreFile)
  // With exceptions, what is left out of a folder isn't all of it.
  if (patterns.some(({ isException }) => isException)) return () => undefined
  const plain = patterns.filter(isPlain).map((one) => ({ ...one, fits: ignoreMatcher(one) }))
  return (path) => plain.find(({ pattern, fits }) => (path === '' ? ALL.has(pattern) : fits(path)))?.line
}

function tell(findings: readonly Finding[], file: string, workspace: string): void {
  for (const finding of findings.slice(0, MAX_MARKS))
    warn(sentenceOf(finding), { ...markAt({ file, line: finding.line }, workspace), title: finding.rule })
  const others = findings.slice(MAX_MARKS)
  if (others.length > 0) info(`Checks: ${others.length} more findings:\n${others.map(sentenceOf).join('\n')}`)
}

function sentenceOf({ rule, line, text }: Finding): string {
  return `Dockerfile line ${line}: ${text} (${rule})`
}

function refuse(findings: readonly Finding[], file: string): void {
  const [first] = findings
  if (first === undefined) return
  const rules = [...new Set(findings.map(({ rule }) => rule))]
  throw new UserError(
    `Input "checks": findings are errors (\`checks: error\`, or \`error=true\` in the Dockerfile), and there are ${findings.length}:\n${findings.map(sentenceOf).join('\n')}`,
    `Correct these lines. To accept all findings of these rules, begin the Dockerfile with \`# check=skip=${rules.join(',')}\`; to be warned only, write \`checks: warn\`.`,
    { place: { file, line: first.line } },
  )
}
