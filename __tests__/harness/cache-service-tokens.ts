import { createHmac } from 'node:crypto'

/** What a job may do, best scope first. */
export interface Grant {
  readonly readable: readonly string[]
  readonly writable: string | undefined
}

const mayRead = 1
const mayWrite = 2
const hour = 3_600_000

/** A runtime token: a JWT whose claim `ac` lists, as JSON in a string, the scopes and what is allowed in each (1 read, 2 write). */
export function issueToken(secret: string, grant: Grant): string {
  const scopes = grant.readable.map((scope) => ({
    Scope: scope,
    Permission: scope === grant.writable ? mayRead + mayWrite : mayRead,
  }))
  const head = encode({ typ: 'JWT', alg: 'HS256' })
  const seconds = Math.floor(Date.now() / 1000)
  const claims = encode({ ac: JSON.stringify(scopes), iat: seconds, exp: seconds + (6 * hour) / 1000 })
  return `${head}.${claims}.${sign(secret, `${head}.${claims}`)}`
}

/** What the bearer of this `Authorization` may do; undefined for a token that was not issued here. */
export function readToken(secret: string, authorization: string | undefined): Grant | undefined {
  const [head, claims, signature] = (authorization ?? '').replace(/^Bearer /i, '').split('.')
  if (head === undefined || claims === undefined || signature !== sign(secret, `${head}.${claims}`)) return undefined
  const { ac } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { ac: string }
  const scopes = JSON.parse(ac) as { Scope: string; Permission: number }[]
  return {
    readable: scopes.filter(({ Permission }) => (Permission & mayRead) !== 0).map(({ Scope }) => Scope),
    writable: scopes.find(({ Permission }) => (Permission & mayWrite) !== 0)?.Scope,
  }
}

/** A URL that lets whoever has it read (for 10 minutes) or write (for an hour), shaped like those of Azure. */
export function signUrl(secret: string, url: URL, permission: 'r' | 'w'): string {
  const until = new Date(Date.now() + (permission === 'r' ? hour / 6 : hour)).toISOString()
  const signed = new URL(url)
  signed.search = new URLSearchParams({
    se: until,
    sp: permission,
    sv: '2025-11-05',
    sig: sign(secret, `${url.pathname} ${permission} ${until}`),
  }).toString()
  return signed.href
}

export function isSigned(secret: string, url: URL, permission: 'r' | 'w'): boolean {
  const until = url.searchParams.get('se') ?? ''
  const signature = sign(secret, `${url.pathname} ${permission} ${until}`)
  return url.searchParams.get('sig') === signature && Date.parse(until) > Date.now()
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function sign(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
