import type { ScanRequest } from '../../engine.js'

/** What of the configuration of a generator's image counts. */
export interface GeneratorConfig {
  /** The program and its arguments; at least one. */
  readonly words: readonly string[]
  /** Absolute. */
  readonly folder: string
}

const [SOURCE, EXTRAS, OUT] = ['/run/src/core/sbom', '/run/src/extras', '/run/out']

/**
 * A Dockerfile that runs a generator of SBOMs as BuildKit's protocol has it, on the files of an image, and whose own image
 * has the files that it wrote. Where it is to see the context, that is the context of this build. Pure.
 * @param image id, hexadecimal
 */
export function scanDockerfile(request: ScanRequest, image: string, config: GeneratorConfig): string {
  const { generator, parameters, context, stages } = request
  const extras = [...stages, ...(context === undefined ? [] : [{ name: 'context', image: 'context' }])]
  const variables = [
    ['SOURCE', SOURCE],
    ...(extras.length === 0 ? [] : [['SOURCE_EXTRAS', EXTRAS]]),
    ['DESTINATION', `${OUT}/`],
    ...parameters.map(({ name, value }) => [name, value]),
  ].map(([name = '', value = '']) => `ENV BUILDKIT_SCAN_${name}="${escaped(value)}"`)
  // Without the tmpfs on /tmp of the protocol: Buildah 1.28 then empties the container, if its storage is below /tmp.
  const mounts = [
    { target: SOURCE, image },
    ...extras.map((one) => ({ target: `${EXTRAS}/sbom-${one.name}`, image: one.image })),
  ].map((one) => `--mount=type=bind,from=${one.image},target=${one.target}`)
  return [
    // A mount of the context itself would also show what the ignore file leaves out.
    ...(context === undefined ? [] : ['FROM scratch AS context', 'COPY . /']),
    `FROM ${generator} AS scan`,
    'USER 0',
    ...variables,
    // The first one makes the folder.
    `WORKDIR ${OUT}`,
    `WORKDIR "${escaped(config.folder)}"`,
    `RUN ${mounts.join(' ')} ${JSON.stringify(config.words)}`,
    'FROM scratch',
    `COPY --from=scan ${OUT}/ /`,
    '',
  ].join('\n')
}

function escaped(value: string): string {
  return value.replaceAll(/[\\"$]/g, '\\$&')
}
