import { describe, expect, it } from '@jest/globals'
import { inputsOf, refusal } from '../helpers.js'

describe('type=image in the input outputs', () => {
  it.each([
    ['type=image,push=true', { push: true, byDigest: false, images: [] }],
    ['type=image,push-by-digest=true,name-canonical=true,push=true', { push: true, byDigest: true, images: [] }],
    [
      'type=image,name=ghcr.io/acme/web,push-by-digest=true,push=true',
      { push: true, byDigest: true, images: ['ghcr.io/acme/web'] },
    ],
    ['type=image,"name=a/b,c/d",push=true', { push: true, byDigest: false, images: ['a/b', 'c/d'] }],
  ])('%s', (line, expected) => {
    expect(inputsOf({ outputs: line })).toMatchObject({ ...expected, outputs: [] })
  })

  it('stands beside files, and names of `images`', () => {
    const inputs = inputsOf({ images: 'x/y', outputs: 'type=oci,dest=image.tar\ntype=image,name=a/b,push=true' })
    expect(inputs).toMatchObject({ images: ['x/y', 'a/b'], outputs: [{ type: 'oci', dest: 'image.tar' }] })
  })

  it.each(['type=image', 'type=image,push=false', 'type=image,push=true,unpack=true', 'type=image,push=true,x'])(
    'refuses %s',
    (line) => {
      expect(refusal(() => inputsOf({ outputs: line })).message).toContain(
        `Input "outputs": got ${JSON.stringify(line)}`,
      )
    },
  )
})

describe('the input digests', () => {
  it.each(['latest', `sha256:${'A'.repeat(64)}`, 'sha256:12'])('refuses %s', (text) => {
    expect(refusal(() => inputsOf({ digests: text })).message).toContain('Input "digests": got')
  })

  it('takes each once', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    expect(inputsOf({ digests: `${digest}\n${digest}` }).digests).toStrictEqual([digest])
  })
})
