import { dirname, join } from 'node:path'

import { DemoError } from '../demo/machine.mjs'

/** The first line that says something to a reader; lines with `::` at their start are for the runner. */
export function firstUsefulLine(lines) {
  return lines.find(({ text }) => text.trim() !== '' && !text.startsWith('::'))
}

/** The line that says which engine builds and how, undefined when the step didn't get that far. */
export function engineLine(lines) {
  return lines.find(({ text }) => text.startsWith('Engine: '))
}

/** @returns {{version: string, account: string, way: string}} of the line that `engineLine` gives */
export function parseEngine(lines) {
  const text = engineLine(lines)?.text ?? lines.at(-1)?.text ?? ''
  const [, version, account, way] = /^Engine: Buildah (\S+) .*?\), as (\S+) \(.*\); (.*)$/.exec(text) ?? []
  if (way === undefined) throw new DemoError(`The log of the step says nothing of the engine: ${text}`)
  return { version, account, way }
}

/**
 * The command line of the build, as words: it opens the group of the log that the build prints into. The action has pulled
 * the base image by then; by hand one lets the build do that.
 */
export function buildCommand(lines) {
  const start = lines.findIndex(({ text }) => text === '::group::Build')
  const text = lines.slice(start + 1).find((line) => !line.text.startsWith('::'))?.text ?? ''
  const words = withOwnRoot(splitWords(text))
  if (start < 0 || !words.includes('build')) throw new DemoError(`The log of the step shows no build command: ${text}`)
  return words.filter((word) => word !== '--pull-never').map((word) => word.replace(/^--pull=never$/, '--pull=newer'))
}

/** In a sandbox, an older Buildah has its storage at a path of its own; outside it lies beside what else the step has. */
function withOwnRoot(words) {
  const value = (name) => words[words.indexOf(name) + 1]
  if (value('--root') !== '/.rootless-image-build') return words
  return words.with(words.indexOf('--root') + 1, join(dirname(value('--runroot')), 'root'))
}

/** Words of a command line with single quotes, as the action prints it for a shell. */
function splitWords(text) {
  const words = text.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? []
  return words.map((word) => word.replace(/'([^']*)'|\\(.)/g, (_, quoted, escaped) => quoted ?? escaped))
}
