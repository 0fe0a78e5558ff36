import { type Dockerfile, firstDockerOnly } from '../dockerfile/dockerfile.js'
import { UserError } from '../errors.js'
import { objectOf, textsOf } from '../lib/json.js'
import type { Inputs } from '../runner/inputs.js'
import { SOURCE_DATE_EPOCH } from '../runner/timestamp-input.js'

export interface Format {
  readonly format: 'oci' | 'docker'
  /** Why it is this one, where the user left the choice. */
  readonly reason: string | undefined
}

/** A setting that only the `docker` format has a place for. */
export interface DockerOnly {
  readonly keyword: string
  /** Where it is from: `in line 3 of the Dockerfile`, `of the base image debian:12`. */
  readonly origin: string
}

/** What Docker runs shell commands with where nobody says otherwise. */
const DEFAULT_SHELL = JSON.stringify(['/bin/sh', '-c'])

/** Inputs that only the `oci` format can do, with why. */
const OCI_ONLY = {
  annotations: 'only oci has annotations',
  timestamp: 'only oci gives the same image again',
  compression: 'only oci has zstd layers',
} as const

export type OciOnlyInput = keyof typeof OCI_ONLY

/** The first input that needs OCI. Nobody asked for the default annotations, nor perhaps for SOURCE_DATE_EPOCH. Pure. */
export function needingOci({ annotations, timestamp, compression }: Inputs): OciOnlyInput | undefined {
  if (annotations.length > 0) return 'annotations'
  if (timestamp !== undefined && timestamp.from !== SOURCE_DATE_EPOCH) return 'timestamp'
  return compression !== undefined && compression.format !== 'gzip' ? 'compression' : undefined
}

/**
 * The format of the image: what the user says; else OCI, unless there is what OCI drops. Pure.
 * @param wanting an input that is set and needs OCI
 * @throws UserError when it is set and the format is another
 */
export function chooseFormat(
  options: 'auto' | 'oci' | 'docker',
  only: DockerOnly | undefined,
  wanting: OciOnlyInput | undefined,
): Format {
  const format = options !== 'auto' ? options : only === undefined ? 'oci' : 'docker'
  const cause = only === undefined ? 'the input "format"' : `${only.keyword} ${only.origin}`
  if (format === 'docker' && wanting !== undefined) {
    throw new UserError(
      `Input "${wanting}" can't be honoured: the format is docker because of ${options === 'docker' ? 'the input "format"' : cause}, and ${OCI_ONLY[wanting]}.`,
      only === undefined
        ? 'Write `format: oci`.'
        : `Write \`format: oci\` (${only.keyword} is dropped then), or ${wanting === 'annotations' ? 'use labels' : `leave "${wanting}" out`}.`,
    )
  }
  return { format, reason: options === 'auto' && only !== undefined ? `docker, to keep ${cause}` : undefined }
}

/** What of a Dockerfile only the `docker` format has a place for; undefined where there is nothing. Pure. */
export function dockerOnlyOf(dockerfile: Dockerfile): DockerOnly | undefined {
  const only = firstDockerOnly(dockerfile)
  return only && { keyword: only.keyword, origin: `in line ${only.line} of the Dockerfile` }
}

/**
 * What an image inherits from a base image that only the `docker` format has a place for: a check, a shell, or an ONBUILD
 * that sets one. Pure.
 * @param config the configuration of the base image
 */
export function dockerOnlyIn(config: Readonly<Record<string, unknown>>): DockerOnly['keyword'] | undefined {
  const own = objectOf(config['config'])
  const test = textsOf(objectOf(own['Healthcheck'])['Test'])
  // To have none is what an image without one has as well.
  if (test.length > 0 && test[0] !== 'NONE') return 'HEALTHCHECK'
  const shell = textsOf(own['Shell'])
  if (shell.length > 0 && JSON.stringify(shell) !== DEFAULT_SHELL) return 'SHELL'
  const triggers = textsOf(own['OnBuild']).map((text) => /^\s*(HEALTHCHECK|SHELL)\b/i.exec(text)?.[1]?.toUpperCase())
  return triggers.find((keyword) => keyword !== undefined)
}
