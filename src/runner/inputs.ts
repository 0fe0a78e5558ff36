import { getInput, setSecret } from '@actions/core'
import type { Env } from '../exec.js'
import { Secret, textsToMask } from '../lib/secret.js'
import { passwordsIn } from '../lib/url-logins.js'
import { buildArgNotes } from './build-arguments.js'
import { imageOutput } from './image-output.js'
import type { InputReader } from './input-parsers.js'
import { INPUT_NAMES, INPUT_ROWS, type InputValues } from './input-table.js'
import type { InputSpec } from './input-spec.js'
import { joinWarnings } from './join-inputs.js'
import { login, loginNotes, registryAuth, registryAuthNotes } from './registry-inputs.js'
import { secretWarnings } from './secret-inputs.js'

/** Every input of the step, with notes and warnings about them. */
export interface Inputs extends InputValues {
  /** Sentences on inputs that have no effect, and why. */
  readonly notes: readonly string[]
  /** The same, if the user may be surprised. */
  readonly warnings: readonly string[]
  /** Whether images are pushed under their digests alone. */
  readonly byDigest: boolean
}

/** Reads the inputs of the step, and has the runner mask the secret ones in the log. */
export function readInputs(env: Env): Inputs {
  const texts = new Map<string, string>(INPUT_NAMES.map((name) => [name, getInput(name, { trimWhitespace: false })]))
  // An error, or a command line in the log, may show the input.
  for (const text of texts.values()) for (const password of passwordsIn(text)) mask(new Secret(password))
  const inputs = parseInputs((name) => texts.get(name) ?? '', env)
  const { secrets, githubToken } = inputs
  const passwords = [inputs.login, ...inputs.registryAuth].map((one) => one?.password)
  const values = secrets.flatMap(({ source }) => ('value' in source ? [source.value] : []))
  for (const secret of [...values, ...passwords, githubToken]) if (secret !== undefined) mask(secret)
  return inputs
}

/** Whether a job summary is wanted, also where another input is wrong. */
export function readSummaryWish(): boolean {
  return getInput('summary').toLowerCase() !== 'false'
}

/** Reads the logins alone, for the post step. @throws UserError for one that isn't complete */
export function readLogins(): Pick<Inputs, 'login' | 'registryAuth'> {
  const read: InputReader = (name) => getInput(name, { trimWhitespace: false })
  return { login: login(read), registryAuth: registryAuth(read) }
}

/**
 * Turns the texts of the inputs into one value.
 * @param env the environment that `secret-envs` names variables of
 * @throws UserError for the first input that doesn't fit: its name, what it got, what is allowed.
 */
export function parseInputs(read: InputReader, env: Env): Inputs {
  const fields = INPUT_ROWS.flatMap(([name, { field, parse }]) =>
    parse === undefined ? [] : [[field, parse(read, name, env)] as const],
  )
  const values = Object.fromEntries(fields) as InputValues
  const image = imageOutput(read)
  return {
    ...values,
    push: values.push || image.push,
    images: [...values.images, ...image.names],
    byDigest: image.byDigest,
    notes: [...buildArgNotes(read, 'build-args', env), ...loginNotes(read), ...registryAuthNotes(read)],
    warnings: [...secretWarnings(read, env), ...joinWarnings(read, env)],
  }
}

/** The value of a row, for a function of that row, whatever it takes. */
export function valueOf(inputs: Inputs, { field }: InputSpec): never {
  return inputs[field as keyof Inputs] as never
}

/** Has the runner hide a text in the log from now on. */
export function mask(secret: Secret): void {
  for (const text of textsToMask(secret)) setSecret(text)
}
