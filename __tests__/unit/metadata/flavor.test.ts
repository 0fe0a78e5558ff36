import { describe, expect, test } from '@jest/globals'
import { globalExpressions } from '../../../src/metadata/ref-context.js'
import { parseFlavor, type Flavor } from '../../../src/metadata/flavor.js'
import { context } from './events.js'
import { refusal } from '../helpers.js'

const read = (lines: string[]) => parseFlavor(lines, globalExpressions(context()))
const none = { text: '', onLatest: false }
const auto: Flavor = { latest: 'auto', prefix: none, suffix: none }

test.each<[string[], Partial<Flavor>]>([
  [[], {}],
  [['latest=auto'], {}],
  [['latest=true'], { latest: 'true' }],
  [['latest=false'], { latest: 'false' }],
  [['latest=highest'], { latest: 'highest' }],
  [['latest=true', 'latest=false'], { latest: 'false' }],
  [['# latest=true', '', '  latest=false '], { latest: 'false' }],
  [['prefix=a-'], { prefix: { text: 'a-', onLatest: false } }],
  [['prefix='], {}],
  [['Prefix=a-,onLatest=true'], { prefix: { text: 'a-', onLatest: true } }],
  [
    ['suffix=-a,onlatest=true', 'prefix=b-,onlatest=false'],
    { prefix: { text: 'b-', onLatest: false }, suffix: { text: '-a', onLatest: true } },
  ],
  [
    ['latest=true,prefix=a-,suffix=-b,onlatest=true'],
    { latest: 'true', prefix: { text: 'a-', onLatest: false }, suffix: { text: '-b', onLatest: true } },
  ],
  [['prefix={{branch}}=x-'], { prefix: { text: 'main=x-', onLatest: false } }],
  [['"suffix=-a,onlatest=true"'], { suffix: { text: '-a', onLatest: true } }],
  [['"suffix=-a,b"'], { suffix: { text: '-a,b', onLatest: false } }],
])('%j', (lines, expected) => {
  expect(read(lines)).toEqual({ ...auto, ...expected })
})

describe('is refused', () => {
  test.each([
    ['latest', /"latest" is unknown/],
    ['latest=newest', /latest is "newest"/],
    ['latest=', /latest is ""/],
    ['middle=x', /"middle" is unknown/],
    ['prefix=a,onlatest=yes', /onlatest is "yes"/],
    ['onlatest=true', /onlatest has no prefix or suffix before it/],
    ['onlatest=true,prefix=a', /onlatest has no prefix or suffix before it/],
    ['prefix={{nope}}', /\{\{nope\}\} is unknown/],
    ['prefix="', /quotes can't be read/],
  ])('%s', (line, message) => {
    const error = refusal(() => read(['latest=true', line]))
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(`flavor: in the line ${JSON.stringify(line)}, `)).toBe(true)
    expect(error.hint).toMatch(/Allowed are|Known here are|quoted whole/)
  })
})
