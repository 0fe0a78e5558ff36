import { UserError } from '../errors.js'
import { Secret } from '../lib/secret.js'
import { boolean, type InputReader } from './input-parsers.js'

export interface Login {
  readonly username: string
  readonly password: Secret
}

const NO_PASSWORD =
  'Login: none; "password" is empty, as secrets are in runs for pull requests from forks. Nothing is pushed, so only base images may need a login'

/** Reads the inputs `username` and `password`. @throws UserError if one is missing and the step pushes */
export function login(read: InputReader): Login | undefined {
  const { username, password } = given(read)
  if (isIdle(read) || (username === undefined && password === undefined)) return undefined
  if (username === undefined) {
    throw new UserError(
      'Input "username" is missing: "password" is set.',
      'Write `username: ${{ vars.REGISTRY_USERNAME }}`.',
    )
  }
  if (password === undefined) {
    throw new UserError(
      `Input "password" is missing or empty: "username" is ${JSON.stringify(username)}.`,
      'Write `password: ${{ secrets.REGISTRY_TOKEN }}`. Secrets are empty in runs for pull requests from forks.',
    )
  }
  return { username, password: new Secret(password) }
}

/** A sentence on a login that is ignored. */
export function loginNotes(read: InputReader): string[] {
  return isIdle(read) ? [NO_PASSWORD] : []
}

function isIdle(read: InputReader): boolean {
  const { username, password } = given(read)
  return !boolean(read, 'push', false) && username !== undefined && password === undefined
}

function given(read: InputReader) {
  const [username, password] = ['username', 'password'].map((name) => read(name).trim() || undefined)
  return { username, password }
}
