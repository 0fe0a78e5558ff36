import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { parse } from 'yaml'

/** The repository, which is what a runner has checked out of the action. */
export const repository = join(import.meta.dirname, '../..')

/** The action's inputs with the defaults of action.yml and these over them, as the environment of a step holds them. */
export function inputVariables(inputs: Readonly<Record<string, string>>): Record<string, string> {
  const { inputs: declared } = parse(readFileSync(join(repository, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { default?: string } | null>
  }
  const unknown = Object.keys(inputs).filter((name) => !(name in declared))
  if (unknown.length > 0) throw new Error(`action.yml has no input ${unknown.join(', ')}`)
  const variables: Record<string, string> = {}
  for (const [name, input] of Object.entries(declared)) {
    // An expression (`${{ github.token }}`) comes to nothing here, as with act.
    const otherwise = input?.default?.includes('${{') === true ? '' : input?.default
    variables[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] = inputs[name] ?? otherwise ?? ''
  }
  return variables
}

/** Reads a command file of a step (GITHUB_OUTPUT, GITHUB_STATE): `name=value`, or `name<<END`, lines, `END`. */
export function parseCommandFile(content: string): Record<string, string> {
  const values: Record<string, string> = {}
  const lines = content.split('\n')
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    const heredoc = /^([^=]*?)<<(.+)$/.exec(line)
    if (heredoc) {
      const [, name = '', delimiter = ''] = heredoc
      const end = lines.indexOf(delimiter, at + 1)
      if (end === -1) throw new Error(`Command file: no line "${delimiter}" ends the value of ${name}`)
      values[name] = lines.slice(at + 1, end).join('\n')
      at = end
    } else if (line.includes('=')) {
      values[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1)
    } else if (line !== '') {
      throw new Error(`Command file: neither name=value nor name<<END: ${line}`)
    }
  }
  return values
}
