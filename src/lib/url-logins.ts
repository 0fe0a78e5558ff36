/** A URL with something in front of its host, up to the end of the host. */
const WITH_LOGIN = /\b([a-z][a-z0-9+.-]*):\/\/([^\s/?#'"]*)@([^\s/?#'"]*)/gi
/** The same without a scheme, as it is pasted by mistake. */
const BARE = /^[^\s/@:]+:[^\s/@]+@[\w.-]+[:/]/
/** What stands behind the @ of an image. */
const DIGEST = /^[a-z0-9]+:[0-9a-f]{32,}$/i
/** So short a text is no secret, and would blacken half of the log. */
const SHORTEST = 4

/** Whether a text has a URL with a password in it; over HTTP, a user alone is a token. Pure. */
export function hasPassword(text: string): boolean {
  return loginsIn(text).some(({ isSecret }) => isSecret) || (BARE.test(text) && !DIGEST.test(text.split('@')[1] ?? ''))
}

/** The passwords of all URLs in a text, as they are written and as they are meant. Pure. */
export function passwordsIn(text: string): string[] {
  const written = loginsIn(text).flatMap(({ user, password, isSecret }) => (isSecret ? [password ?? user] : []))
  const all = new Set(written.flatMap((one) => [one, decoded(one)]))
  return [...all].filter((one) => one.length >= SHORTEST)
}

interface UrlLogin {
  readonly user: string
  readonly password: string | undefined
  readonly isSecret: boolean
}

function loginsIn(text: string): UrlLogin[] {
  return [...text.matchAll(WITH_LOGIN)].flatMap(([, scheme = '', login = '', host = '']) => {
    if (DIGEST.test(host)) return []
    const [user = '', password] = login.split(/:(.*)/s)
    return [{ user, password, isSecret: Boolean(password) || (/^https?$/i.test(scheme) && password === undefined) }]
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
