import { firstDockerOnly, type Dockerfile } from '../dockerfile/dockerfile.js'
import { UserError } from '../errors.js'

export interface Format {
  readonly format: 'oci' | 'docker'
  /** Why it is this one, where the user left the choice. */
  readonly reason: string | undefined
}

/**
 * The format of the image: what the user says; else OCI, unless the Dockerfile has what OCI drops. Pure.
 * @throws UserError when annotations are wanted and the format has no place for them
 */
export function chooseFormat(wish: 'auto' | 'oci' | 'docker', dockerfile: Dockerfile, annotated: boolean): Format {
  const only = firstDockerOnly(dockerfile)
  const format = wish !== 'auto' ? wish : only === undefined ? 'oci' : 'docker'
  const cause = only === undefined ? 'the input "format"' : `${only.keyword} in line ${only.line} of the Dockerfile`
  if (format === 'docker' && annotated) {
    throw new UserError(
      `Input "annotations" can't be honoured: the format is docker because of ${wish === 'docker' ? 'the input "format"' : cause}, and only oci has annotations.`,
      only === undefined
        ? 'Write `format: oci`.'
        : `Write \`format: oci\` (${only.keyword} is dropped then), or use labels.`,
    )
  }
  return { format, reason: wish === 'auto' && only !== undefined ? `docker, to keep ${cause}` : undefined }
}
