import { type Dockerfile, firstDockerOnly } from '../dockerfile/dockerfile.js'
import { UserError } from '../errors.js'
import { objectOf, textsOf } from '../lib/json.js'

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

/**
 * The format of the image: what the user says; else OCI, unless there is what OCI drops. Pure.
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
