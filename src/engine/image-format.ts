import { type Dockerfile, firstDockerOnly } from '../dockerfile/dockerfile.js'
import { UserError } from '../errors.js'
import { objectOf, textsOf } from '../lib/json.js'
import type { Inputs } from '../runner/inputs.js'
import { SOURCE_DATE_EPOCH } from '../runner/timestamp-input.js'

export interface Format {
  readonly format: 'oci' | 'docker'
  /** Why it was chosen; undefined if the input says it. */
  readonly reason: string | undefined
}

/** A setting that only the `docker` format can hold. */
export interface DockerOnly {
  readonly keyword: string
  /** Where it comes from: `in line 3 of the Dockerfile`, `of the base image debian:12`. */
  readonly origin: string
}

/** Docker's default shell. */
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

/** Whether nobody has asked for a format, nor for what only OCI has. Pure. */
export function mayBeDockers(inputs: Inputs): boolean {
  return inputs.format === 'auto' && needingOci(inputs) === undefined
}

/**
 * The format of the image: the one of the input, else OCI, unless the image has settings that OCI drops. Pure.
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

/** The first setting of a Dockerfile that only the `docker` format can hold; undefined if there is none. Pure. */
export function dockerOnlyOf(dockerfile: Dockerfile): DockerOnly | undefined {
  const only = firstDockerOnly(dockerfile)
  return only && { keyword: only.keyword, origin: `in line ${only.line} of the Dockerfile` }
}

/**
 * The keyword of a setting that an image inherits from a base image and only the `docker` format can hold: HEALTHCHECK,
 * SHELL, or an ONBUILD that sets one of them. Pure.
 * @param config the configuration of the base image
 */
export function dockerOnlyIn(config: Readonly<Record<string, unknown>>): DockerOnly['keyword'] | undefined {
  const own = objectOf(config['config'])
  const test = textsOf(objectOf(own['Healthcheck'])['Test'])
  // `HEALTHCHECK NONE` is the same as no health check.
  if (test.length > 0 && test[0] !== 'NONE') return 'HEALTHCHECK'
  const shell = textsOf(own['Shell'])
  if (shell.length > 0 && JSON.stringify(shell) !== DEFAULT_SHELL) return 'SHELL'
  const triggers = textsOf(own['OnBuild']).map((text) => /^\s*(HEALTHCHECK|SHELL)\b/i.exec(text)?.[1]?.toUpperCase())
  return triggers.find((keyword) => keyword !== undefined)
}
