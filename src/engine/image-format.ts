import { type Dockerfile, firstDockerOnly } from '../dockerfile/dockerfile.js'
import { UserError } from '../errors.js'
import { objectOf, textsOf } from '../lib/json.js'

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

/**
 * The format of the image: the one of the input, else OCI, unless the image has settings that OCI drops. Pure.
 * @throws UserError when annotations are wanted and the format has no place for them
 */
export function chooseFormat(
  options: 'auto' | 'oci' | 'docker',
  only: DockerOnly | undefined,
  annotated: boolean,
): Format {
  const format = options !== 'auto' ? options : only === undefined ? 'oci' : 'docker'
  const cause = only === undefined ? 'the input "format"' : `${only.keyword} ${only.origin}`
  if (format === 'docker' && annotated) {
    throw new UserError(
      `Input "annotations" can't be honoured: the format is docker because of ${options === 'docker' ? 'the input "format"' : cause}, and only oci has annotations.`,
      only === undefined
        ? 'Write `format: oci`.'
        : `Write \`format: oci\` (${only.keyword} is dropped then), or use labels.`,
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
