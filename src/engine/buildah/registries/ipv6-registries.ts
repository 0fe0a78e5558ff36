import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import { formatReference } from '../../../metadata/reference.js'
import type { EngineRequest } from '../../engines.js'
import { stepsOf, type Dockerfile } from '../../../dockerfile/dockerfile.js'

/**
 * Makes sure that no image is named by the IPv6 address of its registry.
 * @throws UserError that names the reference
 */
export function refuseIpv6({ source, references }: EngineRequest): void {
  const name = withIpv6(references.map(formatReference), source.dockerfile)
  if (name === undefined) return
  throw new UserError(
    `Reference ${quote(name)}: Buildah doesn't accept the IPv6 address of a registry in a name.`,
    'Give the address a name, with a line such as `fd00::2 registry.internal` in /etc/hosts, and write `registry.internal:5000`.',
  )
}

/**
 * The first of these names of images, and of those in the Dockerfile, whose registry is an IPv6 address: no Buildah reads
 * one. Pure.
 */
export function withIpv6(names: readonly string[], dockerfile: Dockerfile): string | undefined {
  const copied = stepsOf(dockerfile).flatMap(({ flags }) => flags.filter(({ name }) => name === 'from'))
  const all = [...names, ...dockerfile.stages.map(({ base }) => base), ...copied.map(({ value }) => value)]
  return all.find((name) => /^\[[\da-f:.]+\]/i.test(name))
}
