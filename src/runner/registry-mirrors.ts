import { UserError } from '../errors.js'
import { readRegistry } from '../metadata/reference.js'
import { type InputReader, lines, refuse } from './input-parsers.js'

/** A place that is asked for images before the registry that they are in. */
export interface RegistryMirror {
  /** What names begin with: `docker.io`, `ghcr.io/acme`. */
  readonly prefix: string
  /** The registry that is the mirror. */
  readonly registry: string
  /** What takes the place of the prefix: `mirror.example/hub`. */
  readonly location: string
}

/** What Docker does otherwise. */
export const NO_MIRRORS = {
  asks: (mirrors: readonly RegistryMirror[]) => mirrors.length > 0,
  example: 'docker.io=mirror.gcr.io',
  why: 'pulls as its own configuration says',
  hint: 'Configure the builder, with `buildkitd-config-inline` of docker/setup-buildx-action, or the daemon, with "registry-mirrors" in /etc/docker/daemon.json.',
}

const INPUT = 'registry-mirrors'
const ALLOWED = 'Write a registry and its mirror, one pair a line: `docker.io=mirror.example/path`.'

/** Reads `registry-mirrors`: `registry=mirror` lines. @throws UserError for a line that is none */
export function registryMirrors(read: InputReader): RegistryMirror[] {
  return lines(read(INPUT)).map((line) => {
    const [from = '', to = '', ...more] = line.split('=').map((part) => part.trim())
    if (from === '' || to === '' || more.length > 0) throw refuse(INPUT, line, ALLOWED)
    const registry = placeOf(to, line)
    return { prefix: placeOf(from, line).place, registry: registry.registry, location: registry.place }
  })
}

function placeOf(text: string, line: string): { readonly registry: string; readonly place: string } {
  try {
    const { registry, path } = readRegistry(text)
    if (!/^[\w./-]*$/.test(path)) throw refuse(INPUT, line, `${ALLOWED} Neither has a tag.`)
    return { registry, place: path === '' ? registry : `${registry}/${path}` }
  } catch (error) {
    if (!(error instanceof UserError) || error.message.startsWith('Input ')) throw error
    throw refuse(INPUT, line, `${error.message}. ${ALLOWED}`, error.hint)
  }
}
