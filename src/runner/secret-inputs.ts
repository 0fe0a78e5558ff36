import { type InputReader, isComment, list } from './input-parsers.js'
import { UserError } from '../errors.js'
import type { Env } from '../exec.js'
import { Secret } from '../lib/secret.js'

export interface BuildSecret {
  readonly id: string
  /** The secret itself, or the path of the file that holds it, relative to the workspace or absolute. */
  readonly source: { readonly value: Secret } | { readonly path: string }
}

export interface GivenSecrets {
  readonly secrets: readonly BuildSecret[]
  /** On those that are left out. */
  readonly warnings: readonly string[]
}

/**
 * Reads the three inputs that give secrets to RUN steps: the secrets themselves, variables and files that hold them.
 * @throws UserError without a word of what may be the secret
 */
export function readSecrets(read: InputReader, env: Env): GivenSecrets {
  const values = secretPairs('secrets', list(read, 'secrets', { commas: false, keepSpace: true }))
  const variables = secretPairs('secret-envs', list(read, 'secret-envs', { commas: true }))
  const files = secretPairs('secret-files', list(read, 'secret-files', { commas: false }))
  const secrets = [
    ...values.pairs.map(([id, value]) => ({ id, source: { value: new Secret(value) } })),
    ...variables.pairs.map(([id, variable]) => ({ id, source: { value: new Secret(valueOf(id, variable, env)) } })),
    ...files.pairs.map(([id, path]) => ({ id, source: { path } })),
  ]
  const twice = secrets.find(({ id }, index) => secrets.findIndex((other) => other.id === id) < index)
  if (twice !== undefined)
    throw new UserError(
      `Inputs "secrets", "secret-envs" and "secret-files": the ID ${JSON.stringify(twice.id)} is given twice.`,
      'Leave one of the two away, or give it an ID of its own.',
    )
  return { secrets, warnings: [values, variables, files].flatMap(({ warnings }) => warnings) }
}

function valueOf(id: string, variable: string, env: Env): string {
  if (!/^[A-Za-z_]\w*$/.test(variable)) throw notAVariable(id, 'is not the name of an environment variable')
  const value = env[variable]
  if (value === undefined) throw notAVariable(id, 'is not in the environment of the step', variable)
  return value
}

/** Reads the token for Git. */
export function readToken(read: InputReader): Secret | undefined {
  const written = read('github-token').trim()
  if (written === '') return undefined
  if (!/\s/.test(written)) return new Secret(written)
  throw new UserError('Input "github-token": there is white space in it.', 'Write `${{ secrets.… }}`, or leave it out.')
}

/** What stands there may be the secret itself, so it is shown only where it is written as variables mostly are. */
function notAVariable(id: string, flaw: string, variable = ''): UserError {
  const name = /^[A-Z_][A-Z0-9_]*$/.test(variable) ? variable : 'VARIABLE'
  return new UserError(
    `Input "secret-envs": what ${JSON.stringify(id)} stands for ${flaw}.`,
    `Write one id=VARIABLE a line, and give the variable to the step: \`env:\` \`${name}: \${{ secrets.${name} }}\`. A value itself goes into "secrets".`,
  )
}

type Name = 'secrets' | 'secret-envs' | 'secret-files'

/** Splits `id=value` lines; those whose value is empty are left out. A line may hold the secret itself, so none is shown. */
function secretPairs(name: Name, lines: readonly string[]) {
  const pairs: [id: string, value: string][] = []
  const warnings: string[] = []
  for (const line of lines.filter((one) => !isComment(one))) {
    const at = line.indexOf('=')
    const id = line.slice(0, Math.max(at, 0)).trim()
    const value = line.slice(at + 1)
    // The lines of a secret may look like entries, so only the first id is known to be none of it.
    if (!/^[\w.-]+$/.test(id)) throw notAPair(name, pairs.length + warnings.length === 1 ? pairs[0]?.[0] : undefined)
    if (value === '') warnings.push(emptySecret(name, id))
    else pairs.push([id, value])
  }
  return { pairs, warnings }
}

function emptySecret(name: Name, id: string): string {
  return `${name}: ${JSON.stringify(id)} is empty and is left out. It was not set, or is not handed to this run: pull requests from forks get no secrets.`
}

function notAPair(name: Name, before = 'token'): UserError {
  const variable = before.toUpperCase().replaceAll(/\W/g, '_')
  const quoted = `Quote a value of several lines as a whole:\nsecrets: |\n  "${before}=\${{ secrets.${variable} }}"\nIf it has quotes in it, hand it over by a variable: \`secret-envs: ${before}=${variable}\`, and for the step \`env:\` \`${variable}: \${{ secrets.${variable} }}\`.`
  return new UserError(
    `Input "${name}": an entry isn't of the form id=value.`,
    `Write one id=value a line, the id of letters, digits, \`.\`, \`-\` and \`_\`.${name === 'secrets' ? ` ${quoted}` : ''}`,
  )
}
