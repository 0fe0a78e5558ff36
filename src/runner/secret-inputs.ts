import { type InputReader, list } from './input-parsers.js'
import { UserError } from '../errors.js'
import type { Env } from '../exec.js'
import { Secret } from '../lib/secret.js'

export interface BuildSecret {
  readonly id: string
  /** The secret itself, or the path of the file that holds it, relative to the workspace or absolute. */
  readonly source: { readonly value: Secret } | { readonly path: string }
}

/**
 * Reads the three inputs that give secrets to RUN steps: the secrets themselves, variables and files that hold them.
 * @throws UserError without a word of what may be the secret
 */
export function readSecrets(read: InputReader, env: Env): BuildSecret[] {
  const given = [
    ...list(read, 'secrets', { commas: false, keepSpace: true }).map((line) => {
      const [id, value] = secretPair('secrets', line)
      return { id, source: { value: new Secret(value) } }
    }),
    ...list(read, 'secret-envs', { commas: true }).map((line) => {
      const [id, variable] = secretPair('secret-envs', line)
      if (!/^[A-Za-z_]\w*$/.test(variable)) throw notAVariable(id, 'is not the name of an environment variable')
      const value = env[variable]
      if (value === undefined) throw notAVariable(id, 'is not in the environment of the step', variable)
      return { id, source: { value: new Secret(value) } }
    }),
    ...list(read, 'secret-files', { commas: false }).map((line) => {
      const [id, path] = secretPair('secret-files', line)
      return { id, source: { path } }
    }),
  ]
  const twice = given.find(({ id }, index) => given.findIndex((other) => other.id === id) < index)
  if (twice !== undefined)
    throw new UserError(
      `Inputs "secrets", "secret-envs" and "secret-files": the ID ${JSON.stringify(twice.id)} is given twice.`,
      'Leave one of the two away, or give it an ID of its own.',
    )
  return given
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

/** Splits `id=value`. The line may hold the secret itself, so an error shows none of it. */
function secretPair(name: string, line: string): [id: string, value: string] {
  const at = line.indexOf('=')
  const id = line.slice(0, Math.max(at, 0)).trim()
  const value = line.slice(at + 1)
  if (/^[\w.-]+$/.test(id) && value !== '') return [id, value]
  throw new UserError(
    `Input "${name}": an entry isn't of the form id=value, or its value is empty.`,
    'Write one id=value a line, the id of letters, digits, `.`, `-` and `_`. A secret that is empty was not set, or is not handed to this run (pull requests from forks get none).',
  )
}
