import { RegistryError } from '../errors.js'
import type { Reference } from '../image/reference.js'
import { ask, type Desk, refused, scopeOf, writing } from './asking.js'
import { chooseDemand } from './challenge.js'
import type { Answer } from './connection.js'
import { isDigest, MANIFEST_LIMIT } from './content.js'
import { isPage, outOfReach, unexpected } from './refusals.js'

/** What a registry says to the first thing of a push. */
export interface Trial {
  /** It asks for a login where something is written, and not at `/v2/`, where some clients find out. */
  readonly asksLate: boolean
}

/**
 * Begins an upload, and ends it without a byte.
 * @throws RegistryError when it is refused
 */
export async function tryPush(desk: Desk, { registry, repository }: Reference): Promise<Trial> {
  const access = writing({ registry, repository })
  const path = `/v2/${repository}/blobs/uploads/`
  const ping = await greet(desk, registry)
  const asked: (string | undefined)[] = []
  const answer = await ask(desk, access, { method: 'POST', path }, (authorization) => asked.push(authorization))
  const { status } = answer
  if (isPage(answer)) throw unexpected(answer, registry)
  if (status === 401 || status === 403) throw await refused(desk, access, answer, 'write to')
  if (status === 202) await cancel(desk, { registry, repository }, answer)
  return { asksLate: asked.length > 1 && chooseDemand(ping.challenges) === undefined }
}

/** The question by which clients find out how a registry wants to be asked; without a login. */
async function greet({ connection }: Desk, registry: string): Promise<Answer> {
  try {
    const url = new URL('/v2/', await connection.originOf(registry))
    return await connection.exchange({ method: 'GET', url, limit: MANIFEST_LIMIT })
  } catch (error) {
    throw outOfReach(error, registry)
  }
}

/**
 * Makes a blob of another repository of the same registry one of this repository.
 * @returns whether it is there now
 */
export async function mount(desk: Desk, into: Reference, digest: string, from: Reference): Promise<boolean> {
  if (into.registry !== from.registry) throw new Error('a blob is mounted within one registry')
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`)
  const access = writing(into, from)
  const blobs = `/v2/${into.repository}/blobs`
  const there = await ask(desk, access, { method: 'HEAD', path: `${blobs}/${digest}` })
  if (there.status === 200) return true
  if (there.status !== 404) throw await refused(desk, access, there, 'read')
  const query = new URLSearchParams({ mount: digest, from: from.repository }).toString()
  const answer = await ask(desk, access, { method: 'POST', path: `${blobs}/uploads/?${query}` })
  if (answer.status === 201) return true
  if (answer.status !== 202) throw await refused(desk, access, answer, 'write to')
  await cancel(desk, into, answer)
  return false
}

/** Ends an upload that a registry began in place of a mount. One that stays is the registry's to clean up. */
async function cancel(desk: Desk, into: Reference, { headers: { location }, url }: Answer): Promise<void> {
  if (location === undefined || !URL.canParse(location, url.href)) return
  const { host, pathname, search } = new URL(location, url)
  // Behind a proxy a registry may name itself by another scheme; but no other host gets the login.
  if (host !== url.host) return
  const access = { ...writing(into), scopes: [scopeOf(into, 'pull,push,delete')] }
  await ask(desk, access, { method: 'DELETE', path: `${pathname}${search}` }).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error
  })
}
