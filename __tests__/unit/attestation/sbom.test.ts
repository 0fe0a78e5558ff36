import { describe, expect, it } from '@jest/globals'
import { spdxPredicates } from '../../../src/attestation/sbom.js'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { scanDockerfile } from '../../../src/engine/buildah/images/scan-dockerfile.js'
import { describe as describeError } from '../../../src/errors.js'
import { refusal } from '../helpers.js'

const type = 'https://spdx.dev/Document'
const spdx = { spdxVersion: 'SPDX-2.3', name: 'x' }
const file = (name: string, value: unknown) => ({ name, text: `${JSON.stringify(value)}\n` })

describe('what a generator wrote', () => {
  it('is a document each, that of the image first, whether in a statement or alone', () => {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: type,
      predicate: { ...spdx, name: 'y' },
    }
    const found = spdxPredicates([file('a.spdx.json', statement), file('sbom.spdx.json', spdx)], 'g')
    expect(found).toStrictEqual([
      { type, json: JSON.stringify(spdx) },
      { type, json: JSON.stringify({ ...spdx, name: 'y' }) },
    ])
  })

  it.each([
    ['nothing', [], 'the generator g wrote no *.spdx.json'],
    ['no JSON', [{ name: 'a', text: '{' }], 'is no SPDX document'],
    ['something else', [file('a', { predicateType: 'https://slsa.dev/provenance/v1', predicate: {} })], 'is no SPDX'],
    ['a list', [file('a', [spdx])], 'is no SPDX document'],
  ])('is refused where it is %s', (_, files, expected) => {
    expect(describeError(refusal(() => spdxPredicates(files, 'g')))).toContain(expected)
  })
})

it('the Dockerfile of a scan runs the generator with the image mounted, and keeps what it wrote', () => {
  const sbom = { generator: 'docker.io/a/b:1', parameters: [{ name: 'KEY', value: 'a "b" $c \\' }], stages: [] }
  const words = ['/bin/sh', '-c', 'echo "$X"\nls']
  expect(scanDockerfile(sbom, 'ab12', { words, folder: '/srv' })).toBe(
    `FROM docker.io/a/b:1 AS scan
USER 0
ENV BUILDKIT_SCAN_SOURCE="/run/src/core/sbom"
ENV BUILDKIT_SCAN_DESTINATION="/run/out/"
ENV BUILDKIT_SCAN_KEY="a \\"b\\" \\$c \\\\"
WORKDIR /run/out
WORKDIR "/srv"
RUN --mount=type=bind,from=ab12,target=/run/src/core/sbom ["/bin/sh","-c","echo \\"$X\\"\\nls"]
FROM scratch
COPY --from=scan /run/out/ /
`,
  )
})

it('shows it stages and the context beside the image, under the names that BuildKit gives them', () => {
  const context = { context: '/x', file: '/x/Dockerfile', dockerfile: parseDockerfile(''), target: undefined }
  const stages = [{ name: 'build', image: 'cd34' }]
  const text = scanDockerfile({ generator: 'g:1', parameters: [], stages, context }, 'ab12', {
    words: ['/scan'],
    folder: '/',
  })
  expect(text.split('\n').slice(0, 3)).toStrictEqual(['FROM scratch AS context', 'COPY . /', 'FROM g:1 AS scan'])
  expect(text).toContain('ENV BUILDKIT_SCAN_SOURCE_EXTRAS="/run/src/extras"\n')
  const mounts = [
    ['ab12', '/run/src/core/sbom'],
    ['cd34', '/run/src/extras/sbom-build'],
    ['context', '/run/src/extras/sbom-context'],
  ].map(([from = '', target = '']) => `--mount=type=bind,from=${from},target=${target}`)
  expect(text).toContain(`RUN ${mounts.join(' ')} ["/scan"]\n`)
})
