import { describe, expect, test } from '@jest/globals'
import { fieldsOf } from '../../../src/metadata/csv-line.js'
import { parseRule } from '../../../src/metadata/tag-rules.js'
import { refusal } from '../helpers.js'

const read = (line: string) => parseRule(line, fieldsOf(line))

/** toMatchObject takes any regular expression for any other: here they are texts. */
function withTexts(value: object): Record<string, unknown> {
  const entries = Object.entries(value) as [string, unknown][]
  return Object.fromEntries(entries.map(([name, one]) => [name, one instanceof RegExp ? String(one) : one]))
}

const common = { enable: 'true', ignored: [] }

test.each([
  ['type=schedule', { ...common, type: 'schedule', pattern: 'nightly', priority: 1000 }],
  [
    "type=schedule,pattern={{date 'YYYY' tz='Asia/Tokyo'}}",
    { type: 'schedule', pattern: "{{date 'YYYY' tz='Asia/Tokyo'}}" },
  ],
  ['type=semver,pattern={{version}}', { ...common, type: 'semver', pattern: '{{version}}', value: '', priority: 900 }],
  ['type=semver,pattern=x,value=v1=2,match=v(\\d)$', { value: 'v1=2', match: /v(\d)$/ }],
  ['type=semver,pattern=x,match=', { type: 'semver', pattern: 'x' }],
  ['type=pep440,pattern={{major}}', { ...common, type: 'pep440', pattern: '{{major}}', value: '', priority: 900 }],
  ['type=match,pattern=\\d', { ...common, type: 'match', pattern: /\d/, group: 0, value: '', priority: 800 }],
  ['type=match,pattern=/V(.*)/gi,group=1,value=x', { pattern: /V(.*)/i, group: 1, value: 'x' }],
  ['type=match,"pattern=^v\\d{1,3}$",group=0', { pattern: /^v\d{1,3}$/ }],
  ['type=edge', { ...common, type: 'edge', branch: '', priority: 700 }],
  ['type=edge,branch=dev', { branch: 'dev' }],
  ['type=ref,event=branch', { ...common, type: 'ref', event: 'branch', priority: 600 }],
  ['type=ref,event=pr', { ...common, type: 'ref', event: 'pr', prefix: 'pr-', priority: 600 }],
  ['type=ref,event=pr,prefix=', { prefix: '' }],
  ['type=raw,value=x', { ...common, type: 'raw', value: 'x', priority: 200 }],
  ['type=raw,x', { type: 'raw', value: 'x' }],
  ['x', { type: 'raw', value: 'x' }],
  ['x,enable=false', { type: 'raw', value: 'x', enable: 'false' }],
  ['value=x', { type: 'raw', value: 'x' }],
  ['type=raw,value=x,', { value: 'x' }],
  ['type=sha', { ...common, type: 'sha', format: 'short', prefix: 'sha-', priority: 100 }],
  ['type=sha,format=long,prefix=,suffix=-x', { format: 'long', prefix: '', suffix: '-x' }],
  [' TYPE = sha , Priority = 5 ', { type: 'sha', priority: 5 }],
  ['type=sha,priority=-1.5', { priority: -1.5 }],
  ['type=sha,value=x,event=tag', { ignored: ['value', 'event'] }],
  ['type=raw, "value=a,b"', { value: 'a,b' }],
])('%s', (line, expected) => {
  const rule = withTexts(read(line))
  const whole = withTexts({ line, ...expected })
  if ('ignored' in expected && 'enable' in expected) expect(rule).toEqual(whole)
  else expect(rule).toMatchObject(whole)
})

describe('is refused', () => {
  test.each([
    [
      'type=semvar,pattern=x',
      'the type "semvar" is unknown',
      'Allowed are schedule, semver, pep440, match, edge, ref, raw, sha.',
    ],
    ['type=SHA', 'the type "SHA" is unknown', /Allowed/],
    ['type=toString', 'the type "toString" is unknown', /Allowed/],
    [
      'type=sha,latest=true',
      'the attribute "latest" is unknown',
      'Allowed are format, enable, priority, prefix, suffix.',
    ],
    ['type=raw,valeu=x', 'the attribute "valeu" is unknown', 'Allowed are value, enable, priority, prefix, suffix.'],
    ['type=semver', 'the attribute pattern is missing', 'Write type=semver,pattern={{version}}.'],
    ['type=pep440,value=1', 'the attribute pattern is missing', 'Write type=pep440,pattern={{version}}.'],
    ['type=match', 'the attribute pattern is missing', 'Write type=match,pattern=v(.*),group=1.'],
    ['type=match,pattern=(', /^pattern is not a regular expression/, /quoted whole/],
    ['type=match,pattern=/x/k', /^pattern is not a regular expression/, /quoted whole/],
    ['type=semver,pattern=x,match=[', /^match is not a regular expression/, /quoted whole/],
    ['type=match,pattern=x,group=one', 'group is "one"', /number of a group/],
    ['type=match,pattern=x,group=-1', 'group is "-1"', /number of a group/],
    ['type=match,pattern=x,group=', 'group is ""', /number of a group/],
    ['type=ref', 'the attribute event is missing', 'Write type=ref,event=branch.'],
    ['type=ref,event=release', 'event is "release"', 'Allowed are branch, tag, pr.'],
    ['type=sha,format=full', 'format is "full"', 'Allowed are short, long.'],
    ['type=raw', 'the attribute value is missing', 'Write type=raw,value=1.2.3.'],
    ['type=sha,priority=high', 'priority is "high"', /priority=900/],
    ['type=sha,priority=', 'priority is ""', /priority=900/],
    ['type=raw,value=a,value=b', '"value" appears twice', 'Write one tag or rule per line.'],
    ['a,b', 'there are 2 tags', 'Write each on a line of its own:\ntags: |\n  a\n  b'],
    ['type=raw,value="x"', /its quotes can't be read/, /quoted whole/],
  ])('%s', (line, message, hint) => {
    const error = refusal(() => read(line))
    expect(error.message).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
    expect(error.hint).toEqual(typeof hint === 'string' ? hint : expect.stringMatching(hint))
  })
})
