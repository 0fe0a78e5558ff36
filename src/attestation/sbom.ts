import { UserError } from '../errors.js'
import { isObject, parseObject } from '../lib/json.js'
import { quote } from '../lib/quote.js'
import { type Predicate, SPDX_TYPE } from './statement.js'

/** The most that BuildKit takes of an attestation, bytes. */
export const SBOM_LIMIT = 40 * 2 ** 20

/** What a generator of SBOMs wrote. */
interface ScanFile {
  readonly name: string
  readonly text: string
}

/** The scan of the image itself, as BuildKit names it. */
const CORE = 'sbom.spdx.json'

/**
 * The SPDX documents of a generator, that of the image itself first. A generator writes in-toto statements, as BuildKit
 * wants them, or the documents alone, as its protocol says.
 * @throws UserError where there is none, or one is none
 */
export function spdxPredicates(files: readonly ScanFile[], generator: string): Predicate[] {
  if (files.length === 0)
    throw new UserError(
      `Input "sbom": the generator ${generator} wrote no *.spdx.json. Nothing was pushed.`,
      'Name an image that follows the SBOM protocol of BuildKit: `sbom: generator=docker/buildkit-syft-scanner:stable-1`.',
    )
  const ordered = [...files].sort((one, other) => rank(one) - rank(other) || (one.name < other.name ? -1 : 1))
  return ordered.map(({ name, text }) => {
    const json = documentIn(text)
    if (json !== undefined) return { type: SPDX_TYPE, json }
    throw new UserError(
      `Input "sbom": ${quote(name)}, which the generator ${generator} wrote, is no SPDX document in JSON. Nothing was pushed.`,
      'Name an image that writes SPDX: `sbom: generator=docker/buildkit-syft-scanner:stable-1`.',
    )
  })
}

function rank({ name }: ScanFile): number {
  return name === CORE ? 0 : 1
}

function documentIn(text: string): string | undefined {
  const top = parseObject(text)
  if (top['predicateType'] === SPDX_TYPE && isObject(top['predicate'])) return JSON.stringify(top['predicate'])
  return typeof top['spdxVersion'] === 'string' ? text.trim() : undefined
}
