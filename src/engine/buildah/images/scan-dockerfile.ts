import type { SbomOptions } from '../../../runner/attestation-inputs.js'

/** What of the configuration of a generator's image counts. */
export interface GeneratorConfig {
  /** The program and its arguments; at least one. */
  readonly words: readonly string[]
  /** Absolute. */
  readonly folder: string
}

const [SOURCE, OUT] = ['/run/src/core/sbom', '/run/out']

/**
 * A Dockerfile that runs a generator of SBOMs as BuildKit's protocol has it, on the files of an image, and whose own image
 * has the files that it wrote. Pure.
 * @param image id, hexadecimal
 */
export function scanDockerfile({ generator, parameters }: SbomOptions, image: string, config: GeneratorConfig): string {
  const variables = [
    ['SOURCE', SOURCE],
    ['DESTINATION', `${OUT}/`],
    ...parameters.map(({ name, value }) => [name, value]),
  ].map(([name = '', value = '']) => `ENV BUILDKIT_SCAN_${name}="${escaped(value)}"`)
  // Without the tmpfs on /tmp of the protocol: Buildah 1.28 then empties the container, if its storage is below /tmp.
  const mount = `--mount=type=bind,from=${image},target=${SOURCE}`
  return [
    `FROM ${generator}`,
    'USER 0',
    ...variables,
    // The first one makes the folder.
    `WORKDIR ${OUT}`,
    `WORKDIR "${escaped(config.folder)}"`,
    `RUN ${mount} ${JSON.stringify(config.words)}`,
    'FROM scratch',
    `COPY --from=0 ${OUT}/ /`,
    '',
  ].join('\n')
}

function escaped(value: string): string {
  return value.replaceAll(/[\\"$]/g, '\\$&')
}
