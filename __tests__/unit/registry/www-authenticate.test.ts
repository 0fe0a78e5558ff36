import { describe, expect, it } from '@jest/globals'
import { chooseChallenge, type AuthChallenge, parseChallenges } from '../../../src/registry/www-authenticate.js'

/** Challenges as plain values. */
const read = (...headers: string[]) =>
  parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

describe('parseChallenges', () => {
  it.each<[header: string, challenges: unknown[]]>([
    [
      'Bearer realm="https://auth.example.com/token",service="registry.example.com"',
      [['bearer', { realm: 'https://auth.example.com/token', service: 'registry.example.com' }]],
    ],
    ['BEARER Realm = "a" , SERVICE=b', [['bearer', { realm: 'a', service: 'b' }]]],
    [
      'Basic realm="a, b", Bearer realm="c"',
      [
        ['basic', { realm: 'a, b' }],
        ['bearer', { realm: 'c' }],
      ],
    ],
    [
      'Bearer realm="a",scope="repository:x:pull,push",error="y"',
      [['bearer', { realm: 'a', scope: 'repository:x:pull,push', error: 'y' }]],
    ],
    [String.raw`Basic realm="say \"hi\" \\ there"`, [['basic', { realm: String.raw`say "hi" \ there` }]]],
    [
      'Negotiate, Basic realm=x',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Negotiate YWJj==, Basic realm=x',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Basic', [['basic', {}]]],
    [', ,Basic realm=x,,', [['basic', { realm: 'x' }]]],
    // the first of a name counts
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    // broken: what was read until there
    ['', []],
    ['realm="a"', []],
    ['Bearer realm="a', [['bearer', {}]]],
    ['Bearer realm="a",service=', [['bearer', { realm: 'a' }]]],
    ['Bearer realm="a" {}, Basic realm=x', [['bearer', { realm: 'a' }]]],
    ['"Bearer"', []],
  ])('%j', (header, challenges) => {
    expect(read(header)).toStrictEqual(challenges)
  })

  it('reads several headers', () => {
    expect(read('Basic realm="a"', 'Bearer realm="b"')).toStrictEqual([
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ])
  })

  it('takes no longer for a long header that is broken', () => {
    const started = process.cpuUsage()
    expect(
      read(`Bearer realm="${'\\"'.repeat(50_000)}`, `Bearer ${'a'.repeat(50_000)}=`, ' ,'.repeat(50_000)),
    ).toHaveLength(2)
    // Its own time: a busy machine has less of it to give, not more to do.
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000)
  })
})

describe('chooseDemand', () => {
  const bearer = (realm: string, service?: string): AuthChallenge => ({ kind: 'bearer', realm, service })
  it.each<[headers: string[], demand: AuthChallenge | undefined]>([
    [['Basic realm="a"', 'Bearer realm="b",service="c"'], bearer('b', 'c')],
    [['Basic realm="a", Bearer realm="b"'], bearer('b')],
    [['Basic realm="a"'], { kind: 'basic' }],
    // a token without a place to get it
    [['Bearer service="c"', 'Basic realm="a"'], { kind: 'basic' }],
    [['Negotiate'], undefined],
    [[], undefined],
  ])('%j', (headers, demand) => {
    expect(chooseChallenge(headers)).toStrictEqual(demand)
  })
})
