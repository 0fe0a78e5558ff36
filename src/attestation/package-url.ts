import { formatPlatform, type Platform } from '../lib/platform.js'
import { DOCKER_HUB, type Reference } from '../metadata/reference.js'

const LIBRARY = 'library/'

/**
 * The package URL of an image, as BuildKit writes it: `pkg:docker/acme/web@1.2?platform=linux%2Famd64`. An image of
 * Docker Hub has the name that people know it by. Pure.
 */
export function packageUrl({ registry, repository, tag, digest }: Reference, platform: Platform | string): string {
  const isHubs = registry === DOCKER_HUB
  const short = isHubs && repository.startsWith(LIBRARY) ? repository.slice(LIBRARY.length) : repository
  const path = [...(isHubs ? [] : [registry]), ...short.split('/')].map(encode).join('/')
  const version = tag ?? (digest === undefined ? 'latest' : undefined)
  const named = typeof platform === 'string' ? platform : formatPlatform(platform)
  const qualifiers = [...(digest === undefined ? [] : [['digest', digest]]), ['platform', named]]
  const query = qualifiers.map(([key = '', value = '']) => `${key}=${encode(value)}`).join('&')
  return `pkg:docker/${path}${version === undefined ? '' : `@${encode(version)}`}?${query}`
}

/** A colon stands for itself. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}
