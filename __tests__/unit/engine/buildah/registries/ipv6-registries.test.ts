import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { withIpv6 } from '../../../../../src/engine/buildah/registries/ipv6-registries.js'

describe('withIpv6', () => {
  const name = '[fd00::2]:5000/acme/web:1'
  const plain = 'FROM alpine\nRUN [ -e /x ]\nCOPY ["a", "/b"]\n'

  it.each([
    ['what the image is called', [name], plain],
    ['a base image', ['ghcr.io/acme/web:1'], `FROM ${name} AS x\n`],
    ['what COPY takes from', [], `FROM alpine\nCOPY --from=${name} /a /b\n`],
  ])('finds it in %s', (_, names, text) => {
    expect(withIpv6(names, parseDockerfile(text))).toBe(name)
  })

  it.each([
    ['nothing', []],
    ['other addresses', ['127.0.0.1:5000/acme/web:1', 'ghcr.io/acme/web:1', 'docker.io/library/web:fd00']],
  ])('finds none in %s', (_, names) => {
    expect(withIpv6(names, parseDockerfile(plain))).toBeUndefined()
  })
})
