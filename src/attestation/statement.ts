import type { Platform } from '../lib/platform.js'
import type { Reference } from '../metadata/reference.js'
import { packageUrl } from './package-url.js'

/** Something that is said of an image, whatever its digest is. */
export interface Predicate {
  /** `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document` */
  readonly type: string
  /** JSON of an object. */
  readonly json: string
  /** Whether archives of the image go without it. */
  readonly inlineOnly?: boolean
}

/** What an in-toto statement is about. */
export interface Subject {
  /** `sha256:…` of the manifest. */
  readonly digest: string
  readonly platform: Platform
  readonly references: readonly Reference[]
}

export const SPDX_TYPE = 'https://spdx.dev/Document'

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
/** Stands for an image without a name. */
const UNNAMED = '_'

/** The in-toto statement that says it of an image, under each of its names, as JSON. Pure. */
export function statement({ type, json }: Predicate, { digest, platform, references }: Subject): string {
  const [algorithm = '', hex = ''] = digest.split(':')
  const names = references.length === 0 ? [UNNAMED] : references.map((reference) => packageUrl(reference, platform))
  const subject = [...new Set(names)].map((name) => ({ name, digest: { [algorithm]: hex } }))
  const head = JSON.stringify({ _type: STATEMENT_TYPE, predicateType: type, subject })
  // A document of some megabytes is left as it was written.
  return `${head.slice(0, -1)},"predicate":${json}}`
}
