import { describe, expect, it } from '@jest/globals'
import { changedBaseImages } from '../../../../src/cache/containers-storage/bases.js'
import { imageOf, keptLayer, keptPulled, keptStep, layerOf } from '../fixtures.js'

const name = 'docker.io/library/debian:12'
const restorable = {
  images: [keptPulled('old', 'base', [name]), keptStep('step', 'base')],
  layers: [keptLayer('base')],
}
const contents = (...images: ReturnType<typeof imageOf>[]) => ({ layers: [layerOf('base'), layerOf('other')], images })

describe('a base image that was offered', () => {
  it.each([
    ['has another configuration on the same layers', contents(imageOf('new', 'base', [name])), [name]],
    ['has other layers, which Buildah sees', contents(imageOf('new', 'other', [name])), []],
    ['is the same', contents(imageOf('old', 'base', [name])), []],
    ['was not looked for', contents(), []],
    ['has lost its name to nobody', contents(imageOf('new', 'base', ['docker.io/library/debian:13'])), []],
  ])('%s', (_, after, renewed) => {
    expect(changedBaseImages(restorable, after)).toStrictEqual(renewed)
  })
})
