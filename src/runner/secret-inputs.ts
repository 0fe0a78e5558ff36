import { type InputReader, isComment, list } from './input-parsers.js'
import { UserError } from '../errors.js'
import type { Env } from '../exec.js'
import { Secret } from '../lib/secret.js'

export interface BuildSecret {
  readonly id: string
  /** The secret itself, or the path of the file that holds it, relative to the workspace or absolute. */
  readonly source: { readonly value: Secret } | { readonly path: string }
}

/**
 * Reads the three inputs that give secrets to RUN steps: the secrets themselves, variables and files that hold them. Those
 * that are empty are left out.
 * @throws UserError without a word of what may be the secret
 */
export function buildSecrets(read: InputReader, _name: string, env: Env): BuildSecret[] {
  const { values, variables, files } = secretPairs(read, env)
  const secrets = [
    ...[...values, ...variables].filter(isFilled).map(({ id, text }) => ({ id, source: { value: new Secret(text) } })),
    ...files.filter(isFilled).map(({ id, text }) => ({ id, source: { path: text } })),
  ]
  const twice = secrets.find(({ id }, index) => secrets.findIndex((other) => other.id === id) < index)
  if (twice !== undefined)
    throw new UserError(
      `Inputs "secrets", "secret-envs" and "secret-files": the ID ${JSON.stringify(twice.id)} is given twice.`,
      'Remove one of the two, or give it another ID.',
    )
  return secrets
}

/** Sentences on secrets that are ignored. */
export function secretWarnings(read: InputReader, env: Env): string[] {
  const empty = (name: Name, pairs: readonly SecretPair[]) =>
    pairs.filter((pair) => !isFilled(pair)).map(({ id }) => emptySecret(name, id))
  const { values, variables, files } = secretPairs(read, env)
  return [...empty('secrets', values), ...empty('secret-envs', variables), ...empty('secret-files', files)]
}

/** A variable that isn't named is as empty as one that is. */
function valueOf({ id, text: variable }: SecretPair, env: Env): string {
  if (variable === '') return ''
  if (!/^[A-Za-z_]\w*$/.test(variable)) throw notAVariable(id, 'is not the name of an environment variable')
  const value = env[variable]
  if (value === undefined) throw notAVariable(id, 'is not in the environment of the step', variable)
  return value
}

/** Reads the token for Git. */
export function gitToken(read: InputReader, input: string): Secret | undefined {
  const written = read(input).trim()
  if (written === '') return undefined
  if (!/\s/.test(written)) return new Secret(written)
  throw new UserError(`Input "${input}": it contains white space.`, 'Write `${{ secrets.… }}`, or leave it out.')
}

/** What stands there may be the secret itself, so it is shown only where it is written as variables mostly are. */
function notAVariable(id: string, flaw: string, variable = ''): UserError {
  const name = /^[A-Z_][A-Z0-9_]*$/.test(variable) ? variable : 'VARIABLE'
  return new UserError(
    `Input "secret-envs": the value of ${JSON.stringify(id)} ${flaw}.`,
    `Write one id=VARIABLE per line, and pass the variable to the step: \`env:\` \`${name}: \${{ secrets.${name} }}\`. A value itself goes into "secrets".`,
  )
}

type Name = 'secrets' | 'secret-envs' | 'secret-files'

/** What stands on both sides of the `=`; the text may be the secret. */
interface SecretPair {
  readonly id: string
  readonly text: string
}

function isFilled({ text }: SecretPair): boolean {
  return text !== ''
}

/** Those of variables with what is in them. */
function secretPairs(read: InputReader, env: Env) {
  const variables = splitPairs('secret-envs', list(read, 'secret-envs', { commas: true }))
  return {
    values: splitPairs('secrets', list(read, 'secrets', { commas: false, keepSpace: true })),
    variables: variables.map((pair) => ({ id: pair.id, text: valueOf(pair, env) })),
    files: splitPairs('secret-files', list(read, 'secret-files', { commas: false })),
  }
}

/** Splits `id=value` lines. A line may hold the secret itself, so none is shown. */
function splitPairs(name: Name, lines: readonly string[]): SecretPair[] {
  return lines
    .filter((line) => !isComment(line))
    .map((line, index, all) => {
      const [id, text] = split(line)
      // The lines of a secret may look like entries, so only the first id is known to be none of it.
      if (!/^[\w.-]+$/.test(id)) throw notAPair(name, index === 1 ? split(all[0] ?? '')[0] : undefined)
      return { id, text }
    })
}

function split(line: string): [id: string, text: string] {
  const at = line.indexOf('=')
  return [line.slice(0, Math.max(at, 0)).trim(), line.slice(at + 1)]
}

function emptySecret(name: Name, id: string): string {
  return `${name}: ${JSON.stringify(id)} is empty and is left out. It is not set, or not passed to this run: pull requests from forks get no secrets.`
}

function notAPair(name: Name, before = 'token'): UserError {
  const variable = before.toUpperCase().replaceAll(/\W/g, '_')
  const quoted = `Quote a multi-line value as a whole:\nsecrets: |\n  "${before}=\${{ secrets.${variable} }}"\nIf it contains quotes, pass it in a variable: \`secret-envs: ${before}=${variable}\`, and for the step \`env:\` \`${variable}: \${{ secrets.${variable} }}\`.`
  return new UserError(
    `Input "${name}": an entry isn't in the form id=value.`,
    `Write one id=value per line; an id has letters, digits, \`.\`, \`-\` and \`_\`.${name === 'secrets' ? ` ${quoted}` : ''}`,
  )
}
