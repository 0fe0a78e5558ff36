import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { whyNoImage } from '../../../src/engine/known-causes.js'

describe('a name that no image has', () => {
  const dockerfile = parseDockerfile('FROM a AS Build\nFROM b\nFROM c\n')

  it.each([
    ['build', 'The Dockerfile has a stage "Build", which for Buildah isn\'t "build": write "Build" in both places.'],
    ['0', 'Stage 0 has a name, by which RUN --mount must call it: write `from=Build` instead of `from=0`.'],
    ['1', undefined],
    ['9', undefined],
    ['alpine', undefined],
  ])('%s is explained by the stages: %s', (name, why) => {
    expect(whyNoImage(name, { dockerfile })).toBe(why)
  })

  it.each([
    ['build', 'The Dockerfile has no stage "build", so that it is taken for an image. Did you mean "builder"?'],
    ['biulder', 'The Dockerfile has no stage "biulder", so that it is taken for an image. Did you mean "builder"?'],
    ['alpine', undefined],
  ])('behind --from may be a stage with another name: %s', (name, why) => {
    const text = `FROM a AS builder\nFROM b\nCOPY --from=${name} /a /a\n`
    expect(whyNoImage(name, { dockerfile: parseDockerfile(text) })).toBe(why)
    expect(whyNoImage(name, { dockerfile: parseDockerfile(`FROM a AS builder\nFROM ${name}\n`) })).toBeUndefined()
  })
})
