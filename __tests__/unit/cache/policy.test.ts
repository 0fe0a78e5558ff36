import { describe, expect, it } from '@jest/globals'
import { type CacheFacts, type CacheDecision, cacheRepositories, decideCache } from '../../../src/cache/policy.js'
import { type CacheOptions, readCacheOptions } from '../../../src/runner/cache-inputs.js'
import { describe as describeError } from '../../../src/errors.js'
import type { Event } from '../../../src/runner/event.js'
import { parseName } from '../../../src/metadata/reference.js'
import { eventOf, reader, refusal } from '../helpers.js'

type Given = Readonly<Record<string, string>>
type World = Partial<Omit<CacheFacts, 'event'>> & Partial<Pick<Event, 'name' | 'fork'>>

const wishOf = (given: Given): CacheOptions => readCacheOptions(reader(given))

function decide(given: Given, { name = 'push', fork = false, ...changes }: World): CacheDecision {
  return decideCache(wishOf(given), {
    event: eventOf({ name, fork }),
    act: false,
    cacheService: 'v2',
    cacheMode: undefined,
    toolCache: '/opt/hostedtoolcache',
    userCache: '/home/me/.cache',
    workspace: '/work',
    noCache: false,
    ...changes,
  })
}

const rw = 'read and written'
const fork = { name: 'pull_request', fork: true }
const target = { name: 'pull_request_target' }
const service = 'ACTIONS_CACHE_URL'
const always = { 'cache-write': 'always' }

/** Kind, use ('' for none), and the words that say why where something isn't as the user might think. */
const rows: readonly (readonly [given: Given, world: World, kind: CacheDecision['kind'], use: string, why?: string])[] =
  [
    // which
    [{}, {}, 'github', rw, 'the runner offers it'],
    [{}, { cacheService: 'v1' }, 'github', rw, 'the runner offers it'],
    [{}, { cacheService: undefined }, 'directory', rw, 'the runner offers no GitHub cache service'],
    [{ cache: 'github' }, {}, 'github', rw],
    [{ cache: 'github' }, { cacheService: undefined }, 'off', '', service],
    [{ cache: 'github', ...always }, { cacheService: undefined }, 'off', '', service],
    [{ cache: 'directory' }, {}, 'directory', rw],
    [{ cache: 'registry' }, { cacheService: undefined }, 'registry', rw],
    [{ cache: 'off' }, {}, 'off', ''],
    [{ cache: 'off', ...always }, {}, 'off', ''],
    [{ 'cache-dir': 'c' }, {}, 'github', rw],
    // one side
    [{ 'cache-write': 'never' }, {}, 'github', 'read only'],
    [{ 'cache-from': 'type=gha' }, {}, 'github', 'read only', 'without "cache-to"'],
    [{ 'cache-to': 'type=gha' }, {}, 'github', 'written only', 'without "cache-from"'],
    [{ 'cache-to': 'type=gha', 'cache-write': 'never' }, {}, 'off', '', 'without "cache-from"'],
    [{}, { noCache: true }, 'github', 'written only', '`no-cache` is true'],
    [{ 'cache-write': 'never' }, { noCache: true }, 'off', '', '`no-cache` is true'],
    // pull requests
    [{}, { name: 'pull_request' }, 'github', rw],
    [{}, fork, 'github', 'read only', 'from a fork'],
    [{ cache: 'registry' }, fork, 'registry', 'read only', 'from a fork'],
    [{ cache: 'directory' }, fork, 'directory', 'read only', 'from a fork'],
    [{ 'cache-write': 'never' }, fork, 'github', 'read only'],
    [always, fork, 'github', rw],
    [{}, { ...fork, noCache: true }, 'off', '', 'from a fork'],
    // runs with rights that the code may not deserve
    ...['pull_request_target', 'workflow_run'].flatMap((name) => [
      [{}, { name }, 'off', '', `a ${name} run`] as const,
      [{}, { name, cacheService: undefined }, 'off', '', `a ${name} run`] as const,
      [{ 'cache-write': 'never' }, { name }, 'off', '', `a ${name} run`] as const,
      [always, { name }, 'github', rw] as const,
      [{ cache: 'github' }, { name }, 'github', 'read only', `a ${name} run`] as const,
      [{ cache: 'github', ...always }, { name }, 'github', rw] as const,
      [{ cache: 'directory' }, { name }, 'directory', 'read only', `a ${name} run`] as const,
      [{ cache: 'registry' }, { name }, 'registry', 'read only', `a ${name} run`] as const,
      [{ 'cache-from': 'type=gha', 'cache-to': 'type=gha' }, { name }, 'github', 'read only', name] as const,
    ]),
    [{}, { name: 'release' }, 'github', rw],
    [{}, { name: 'schedule' }, 'github', rw],
    // what the job may
    [{}, { cacheMode: 'write' }, 'github', rw],
    [{}, { cacheMode: 'read' }, 'github', 'read only', '`cache-mode` of the job is read'],
    [{ cache: 'directory' }, { cacheMode: 'read' }, 'directory', 'read only', 'is read'],
    [{}, { cacheMode: 'write-only' }, 'github', 'written only', 'is write-only'],
    [{}, { cacheMode: 'none' }, 'off', '', 'is none'],
    [{ cache: 'directory' }, { cacheMode: 'none' }, 'off', '', 'is none'],
    [always, { cacheMode: 'read' }, 'github', 'read only', 'is read'],
    [{ cache: 'directory', ...always }, { cacheMode: 'read' }, 'directory', rw],
    [always, { cacheMode: 'none' }, 'off', '', 'is none'],
    [{}, { ...target, cacheMode: 'write-only' }, 'off', '', 'is write-only'],
  ]

describe('the decision', () => {
  it.each(rows.map(([given, world, kind, use, why = '']) => [given, world, kind, use, why] as const))(
    '%j where %j: %s, %s',
    (given, world, kind, use, why) => {
      const decision = decide(given, world)
      expect(decision.kind).toBe(kind)
      expect([decision.read, decision.write]).toStrictEqual([/^read/.test(use), /written/.test(use)])
      expect(decision.notes[0]).toMatch(kind === 'off' ? /^Cache: off$/ : new RegExp(`^Cache: .+, ${use}$`))
      // Silence where all is as one would think, or as it was asked for.
      const [headline = '', ...reasons] = decision.notes
      expect(reasons.length > 0).toBe(!headline.includes(why))
      expect(decision.notes.join('\n')).toContain(why)
      expect(new Set(decision.notes).size).toBe(decision.notes.length)
      expect(decision.directory === undefined).toBe(kind !== 'directory')
    },
  )

  it('says the notes of the inputs as well', () => {
    const given = { 'cache-from': 'acme/c:main', 'cache-to': 'acme/c' }
    expect(decide(given, {}).notes).toStrictEqual([
      'Cache: a registry, read and written',
      '"cache-from": :main is ignored, because docker.io/acme/c gets a tag for each cache scope and branch; `cache-scope` keeps builds apart.',
    ])
  })

  it("says whose service it is, GitHub's or act's", () => {
    expect(decide({}, {}).notes).toStrictEqual([`Cache: GitHub's cache service (the runner offers it), ${rw}`])
    const act = { act: true, cacheService: 'v1' } as const
    expect(decide({}, act).notes).toStrictEqual([`Cache: act's cache server (the runner offers it), ${rw}`])
  })

  it('says one reason for both once, and two for two', () => {
    expect(decide({}, { cacheMode: 'none' }).notes).toStrictEqual([
      'Cache: off',
      'The cache is neither read nor written: the `cache-mode` of the job is none.',
    ])
    expect(decide({}, { ...fork, noCache: true }).notes).toHaveLength(3)
  })

  it.each<[given: Given, world: World, directory: string]>([
    [{}, {}, '/opt/hostedtoolcache/rootless-image-build/cache'],
    [{}, { toolCache: undefined }, '/home/me/.cache/rootless-image-build/cache'],
    [{ 'cache-dir': '/srv/cache/' }, {}, '/srv/cache'],
    [{ 'cache-dir': '../cache' }, {}, '/cache'],
    [{ 'cache-from': 'type=local,src=.cache', 'cache-to': 'type=local,dest=.cache' }, {}, '/work/.cache'],
  ])('the folder of %j where %j is %s', (given, world, directory) => {
    const decision = decide({ cache: 'directory', ...given }, world)
    expect(decision.directory).toBe(directory)
    expect(decision.notes).toContain(`Cache: the folder ${JSON.stringify(directory)}, read and written`)
  })
})

describe('the repositories of a cache in a registry', () => {
  const images = [parseName('ghcr.io/acme/web'), parseName('acme/web')]
  const beside = 'ghcr.io/acme/web-cache'

  it.each<[given: Given, world: World, from: string[], to: string | undefined]>([
    [{ cache: 'registry' }, {}, [beside], beside],
    [{ cache: 'registry' }, fork, [beside], undefined],
    [{ cache: 'registry' }, { noCache: true }, [], beside],
    [{ 'cache-from': 'q.io/a\nq.io/b', 'cache-to': 'q.io/c' }, {}, ['q.io/a', 'q.io/b'], 'q.io/c'],
    [{ 'cache-from': 'q.io/a\nq.io/b' }, {}, ['q.io/a', 'q.io/b'], undefined],
    [{ 'cache-from': 'q.io/a\nq.io/b', ...always }, {}, ['q.io/a', 'q.io/b'], 'q.io/a'],
    [{ 'cache-to': 'q.io/a' }, {}, [], 'q.io/a'],
  ])('%j where %j', (given, world, from, to) => {
    const repositories = cacheRepositories(wishOf(given), decide(given, world), images)
    expect(repositories).toStrictEqual({ from, to })
  })

  it('need a name from somewhere', () => {
    const error = refusal(() => cacheRepositories(wishOf({ cache: 'registry' }), { read: true, write: true }, []))
    expect(error.message).toContain('Input "cache": got "registry"')
    expect(describeError(error)).toContain('`cache-from: type=registry,ref=')
  })
})
