import { passwordsIn } from '../lib/url-logins.js'

/** What stands in the place of a secret. */
const MASK = '***'

/**
 * A text without any of these secrets, and without passwords in URLs. A secret in a build argument is a mistake; it isn't
 * published with the image for that. Pure.
 */
export function redact(text: string, secrets: readonly string[]): string {
  // Of two secrets, one may be a part of the other.
  const all = [...new Set([...secrets, ...passwordsIn(text)])].filter((one) => one !== '')
  return all.sort((one, other) => other.length - one.length).reduce((rest, one) => rest.replaceAll(one, MASK), text)
}
