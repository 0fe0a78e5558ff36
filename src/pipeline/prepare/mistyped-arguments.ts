import { mistypedArguments } from '../../dockerfile/mistyped-arguments.js'
import { quote } from '../../lib/quote.js'
import { markAt, warn } from '../../log.js'
import { analysisOf } from '../../source/analysis.js'
import type { Wanted } from '../engine.js'

/** A value that can be pasted as it is. */
const PLAIN = /^[\w.:/@+-]{1,40}$/

/** Warns of build arguments that have a typing error, so that the ARG which is meant keeps its default. */
export function tellMistypedArguments({ inputs, source }: Pick<Wanted, 'inputs' | 'source'>, workspace: string): void {
  const analysis = analysisOf(inputs, source.dockerfile, undefined)
  for (const { given, meant, line } of mistypedArguments(analysis)) {
    const value = analysis.values.buildArgs.get(given)
    const written = value === undefined ? meant : `${meant}=${PLAIN.test(value) ? value : '…'}`
    const mark = { ...markAt({ file: source.file, line }, workspace), title: 'Build argument' }
    warn(
      `No ARG takes the build argument ${quote(given)}. Did you mean ${quote(meant)}, in line ${line} of the Dockerfile? Write \`${written}\` in "build-args".`,
      mark,
    )
  }
}
