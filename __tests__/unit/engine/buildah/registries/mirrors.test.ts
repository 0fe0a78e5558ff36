import { describe, expect, it } from '@jest/globals'
import { withMirrors } from '../../../../../src/engine/buildah/registries/mirrors.js'
import { resolveName } from '../../../../../src/engine/buildah/registries/registries-conf.js'
import { formatReference } from '../../../../../src/metadata/reference.js'
import { registryMirrors } from '../../../../../src/runner/registry-inputs.js'
import { reader, rejection } from '../../../helpers.js'

const mirrors = registryMirrors(
  reader({ 'registry-mirrors': 'docker.io=a.example/hub\nghcr.io=c.example\ndocker.io=127.0.0.1:5000' }),
)
const search = 'unqualified-search-registries = ["docker.io"]\n'

describe('withMirrors', () => {
  it('has images asked for at the mirrors first, and then where they are', async () => {
    const text = await withMirrors(search, [], mirrors, ['127.0.0.1:5000'])
    const resolved = await resolveName([text], 'debian:12')
    const sources = 'unknown' in resolved ? [] : resolved.candidates.flatMap((one) => one.sources)
    expect(sources.map(({ reference, insecure }) => [formatReference(reference), insecure])).toStrictEqual([
      ['a.example/hub/library/debian:12', false],
      ['127.0.0.1:5000/library/debian:12', true],
      ['docker.io/library/debian:12', false],
    ])
  })

  it('changes nothing where there are none', async () => {
    expect(await withMirrors('x', [], [], ['a'])).toBe('x')
  })

  it('is refused where the machine says something of the same registry, which would win', async () => {
    const dropIn = '[[registry]]\nlocation = "docker.io"\n'
    const error = await rejection(withMirrors(search, [dropIn], mirrors, []))
    expect(error.message).toBe(
      'Input "registry-mirrors": the registries.conf of this machine has a [[registry]] for docker.io already.',
    )
    await withMirrors(search, [dropIn.replace('docker.io', 'docker.io/acme')], mirrors, [])
  })
})
