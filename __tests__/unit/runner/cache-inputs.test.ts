import { describe, expect, it } from '@jest/globals'
import { type CacheOptions, readCacheOptions } from '../../../src/runner/cache-inputs.js'
import { describe as describeError } from '../../../src/errors.js'
import { everythingOf, reader, refusal } from '../helpers.js'

type Given = Readonly<Record<string, string>>

const unset: CacheOptions = {
  insecure: [],
  kind: 'auto',
  directory: undefined,
  scope: undefined,
  maxBytes: 2 * 2 ** 30,
  read: true,
  write: 'auto',
  ttlMs: 7 * 86_400_000,
  deadlineMs: 120_000,
  mounts: false,
  mode: 'max',
  from: [],
  to: undefined,
  notes: [],
}

const noWrite = 'The cache is not written: "cache-from" is given without "cache-to".'
const noRead = 'The cache is not read: "cache-to" is given without "cache-from".'
const noInline = '"cache-to": type=inline is ignored, because Buildah stores no cache inside an image.'
const both = (line: string): Given => ({ 'cache-from': line, 'cache-to': line })

const accepted: readonly (readonly [given: Given, changes: Partial<CacheOptions>])[] = [
  [{}, {}],
  [{ cache: ' github\n' }, { kind: 'github' }],
  [
    { cache: 'directory', 'cache-dir': ' /var/cache/rib ' },
    { kind: 'directory', directory: '/var/cache/rib' },
  ],
  [{ cache: 'registry' }, { kind: 'registry' }],
  [{ cache: 'off' }, { kind: 'off' }],
  [{ 'cache-scope': 'web, api' }, { scope: 'web, api' }],
  [{ 'cache-write': 'always' }, { write: 'always' }],
  [{ 'cache-write': 'never' }, { write: 'never' }],
  [{ 'cache-mounts': 'true' }, { mounts: true }],
  // as docker/build-push-action has it: GitHub's service
  [both('type=gha'), { kind: 'github' }],
  [{ ...both('type=gha,mode=max'), cache: 'github' }, { kind: 'github' }],
  [both('type=gha,mode=min,scope=web'), { kind: 'github', scope: 'web', mode: 'min' }],
  [both('type=gha,scope='), { kind: 'github' }],
  [
    { ...both('type=gha,scope=web'), 'cache-scope': 'web' },
    { kind: 'github', scope: 'web' },
  ],
  [
    { 'cache-from': 'type=gha', 'cache-to': 'type=gha,scope=web' },
    { kind: 'github', scope: 'web' },
  ],
  [both(' TYPE = gha , Scope = web '), { kind: 'github', scope: 'web' }],
  [both('"type=gha","scope=web"'), { kind: 'github', scope: 'web' }],
  [
    both('type=gha,token=hunter2,timeout=5m'),
    {
      kind: 'github',
      notes: [
        '"cache-from": "token", "timeout" of type=gha are ignored.',
        '"cache-to": "token", "timeout" of type=gha are ignored.',
      ],
    },
  ],
  // one of the two only
  [{ 'cache-from': 'type=gha' }, { kind: 'github', write: 'never', notes: [noWrite] }],
  [{ 'cache-to': 'type=gha' }, { kind: 'github', read: false, notes: [noRead] }],
  [
    { 'cache-from': 'type=gha', 'cache-write': 'always' },
    { kind: 'github', write: 'always' },
  ],
  [
    { 'cache-from': 'type=gha', 'cache-write': 'never' },
    { kind: 'github', write: 'never' },
  ],
  [
    { 'cache-to': 'type=gha', 'cache-write': 'never' },
    { kind: 'github', read: false, write: 'never', notes: [noRead] },
  ],
  // a directory
  [
    { 'cache-from': 'type=local,src=/tmp/c', 'cache-to': 'type=local,dest=/tmp/c,mode=max' },
    { kind: 'directory', directory: '/tmp/c' },
  ],
  [
    { 'cache-from': 'type=local,src=c', 'cache-dir': 'c' },
    { kind: 'directory', directory: 'c', write: 'never', notes: [noWrite] },
  ],
  // a registry
  [
    both('type=registry,ref=ghcr.io/acme/web-cache'),
    { kind: 'registry', from: ['ghcr.io/acme/web-cache'], to: 'ghcr.io/acme/web-cache' },
  ],
  [
    { 'cache-from': 'acme/a\nacme/b\nacme/a', 'cache-to': 'type=registry,ref=acme/b' },
    { kind: 'registry', from: ['docker.io/acme/a', 'docker.io/acme/b'], to: 'docker.io/acme/b' },
  ],
  [
    { 'cache-from': 'localhost:5000/c:main' },
    {
      kind: 'registry',
      from: ['localhost:5000/c'],
      write: 'never',
      notes: [
        '"cache-from": :main is ignored, because localhost:5000/c gets a tag for each cache scope and branch; `cache-scope` keeps builds apart.',
        noWrite,
      ],
    },
  ],
  [
    both('type=registry,ref=GHCR.io/Acme/Web:Main'),
    {
      kind: 'registry',
      from: ['ghcr.io/acme/web'],
      to: 'ghcr.io/acme/web',
      notes: ['cache-from', 'cache-to'].flatMap((side) => [
        `${side}: "GHCR.io/Acme/Web:Main" is changed to "ghcr.io/acme/web:Main", because a repository must be in lower case.`,
        `"${side}": :Main is ignored, because ghcr.io/acme/web gets a tag for each cache scope and branch; \`cache-scope\` keeps builds apart.`,
      ]),
    },
  ],
  [
    { 'cache-to': `type=registry,ref=acme/c@sha256:${'0'.repeat(64)},compression=zstd` },
    {
      kind: 'registry',
      to: 'docker.io/acme/c',
      read: false,
      notes: [
        '"cache-to": "compression" of type=registry is ignored.',
        `"cache-to": @sha256:${'0'.repeat(64)} is ignored, because docker.io/acme/c gets a tag for each cache scope and branch; \`cache-scope\` keeps builds apart.`,
        noRead,
      ],
    },
  ],
  [
    {
      'cache-from':
        'type=registry,ref=r:5000/c,registry.insecure=true\ntype=registry,ref=q.io/c,registry.insecure=false',
      'cache-to': 'type=registry,ref=r:5000/c,registry.insecure=true',
    },
    { kind: 'registry', from: ['r:5000/c', 'q.io/c'], to: 'r:5000/c', insecure: ['r:5000'] },
  ],
  // a cache inside the image
  [{ 'cache-to': 'type=inline' }, { notes: [noInline] }],
  [both('type=inline'), { notes: [`"cache-from", ${noInline}`] }],
  [
    { 'cache-from': 'type=registry,ref=acme/web:latest', 'cache-to': 'type=inline' },
    { notes: [`${noInline} So is type=registry of "cache-from", which would read it.`] },
  ],
  [
    { 'cache-from': 'type=gha,scope=web', 'cache-to': 'type=inline' },
    { kind: 'github', scope: 'web', notes: [noInline] },
  ],
  [
    { 'cache-from': 'acme/c', 'cache-to': 'type=inline\ntype=registry,ref=acme/c' },
    { kind: 'registry', from: ['docker.io/acme/c'], to: 'docker.io/acme/c', notes: [noInline] },
  ],
  [
    { 'cache-from': 'acme/web\ntype=gha', 'cache-to': 'type=inline' },
    { kind: 'github', notes: [`${noInline} So is type=registry of "cache-from", which would read it.`] },
  ],
  [
    { cache: 'off', 'cache-to': 'type=inline' },
    { kind: 'off', notes: [noInline] },
  ],
]

describe('the inputs for the cache', () => {
  it.each(accepted)('%j', (given, changes) => {
    expect(readCacheOptions(reader(given))).toStrictEqual({ ...unset, ...changes })
  })

  it.each([
    ['1', 1],
    ['500', 500],
    ['500b', 500],
    ['500B', 500],
    ['500MB', 500_000_000],
    ['500 MB', 500_000_000],
    ['500m', 500 * 2 ** 20],
    ['500MiB', 500 * 2 ** 20],
    ['2g', 2 ** 31],
    ['2Gi', 2 ** 31],
    ['2GiB', 2 ** 31],
    ['2gb', 2_000_000_000],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['64k', 65_536],
    ['64kB', 64_000],
    ['1T', 2 ** 40],
  ])('cache-max-size %j is %d bytes', (text, expected) => {
    expect(readCacheOptions(reader({ 'cache-max-size': text })).maxBytes).toBe(expected)
  })

  it.each([
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['168h', 604_800_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['3650d', 315_360_000_000],
  ])('cache-ttl %j is %d milliseconds', (text, expected) => {
    expect(readCacheOptions(reader({ 'cache-ttl': text })).ttlMs).toBe(expected)
  })

  it.each([
    ['90s', 90_000],
    ['24h', 86_400_000],
  ])('cache-deadline %j is %d milliseconds', (text, expected) => {
    expect(readCacheOptions(reader({ 'cache-deadline': text })).deadlineMs).toBe(expected)
  })
})

const refused: readonly (readonly [given: Given, names: string, says: string])[] = [
  [{ cache: 'gha' }, 'Input "cache": got "gha". ', 'auto, github, directory, registry, off'],
  [{ cache: 'true' }, 'Input "cache": got "true". ', 'auto, github, directory, registry, off'],
  [{ 'cache-write': 'true' }, 'Input "cache-write": got "true". ', 'auto, always, never'],
  [{ 'cache-mounts': 'yes' }, 'Input "cache-mounts": got "yes". ', 'true, false'],
  ...['0', '0GiB', '-1', '2 X', '2e9', 'GiB', '5ib', '2GiBs', '1,5GiB', '9999999T', '0.1', '1..5g', '2\nGiB'].map(
    (size) => [{ 'cache-max-size': size }, `Input "cache-max-size": got ${JSON.stringify(size)}. `, '2GiB'] as const,
  ),
  ...['0', '0s', '7', '-7d', '30ms', '7D', 'd', '1h 30m', 'h1', '1h30', '7days', '99999999999999999w'].map(
    (time) => [{ 'cache-ttl': time }, `Input "cache-ttl": got ${JSON.stringify(time)}. `, '7d'] as const,
  ),
  [{ 'cache-deadline': '2' }, 'Input "cache-deadline": got "2". ', '30m'],
  [{ 'cache-deadline': '25h' }, 'Input "cache-deadline": got "25h". ', '`24h` at most'],
  // types
  [{ 'cache-from': 'type=s3,region=eu,bucket=b' }, 'Input "cache-from": got "type=s3". ', 'Allowed: type=registry'],
  [{ 'cache-to': 'type=azblob,name=n' }, 'Input "cache-to": got "type=azblob". ', 'Allowed: type=registry'],
  [{ 'cache-to': 'type=GHA' }, 'Input "cache-to": got "type=GHA". ', 'type=gha'],
  [{ 'cache-from': 'type=toString' }, 'Input "cache-from": got "type=toString". ', 'type=gha'],
  [{ 'cache-from': 'ref=acme/web' }, 'Input "cache-from": got "". ', 'type=registry,ref='],
  [{ 'cache-from': 'gha' }, 'Input "cache-from": got "gha". ', 'Write `type=gha`.'],
  [{ 'cache-from': 'inline' }, 'Input "cache-from": got "inline". ', 'Write `type=inline`.'],
  // attributes
  [{ 'cache-from': 'gha,scope=web' }, 'Input "cache-from": ', 'name=value'],
  [{ 'cache-from': 'type=gha,=web' }, 'Input "cache-from": ', 'name=value'],
  [{ 'cache-from': 'type=gha,scope=a,scope=b' }, 'Input "cache-from": got "scope". ', 'twice'],
  [{ 'cache-to': 'type=gha,mode=full' }, 'Input "cache-to": got "mode=full". ', 'mode=min, mode=max'],
  [
    { 'cache-to': 'type=registry,ref=r:5000/c,registry.insecure=yes' },
    'Input "cache-to": got "registry.insecure=yes". ',
    'registry.insecure=true',
  ],
  [{ 'cache-from': 'type=local' }, 'Input "cache-from": type=local has no src.', 'type=local,src='],
  [{ 'cache-to': 'type=local,src=x' }, 'Input "cache-to": type=local has no dest.', 'type=local,dest='],
  [
    { 'cache-to': 'acme/a\nacme/b' },
    'Input "cache-to": got the repositories',
    '`cache-from: type=registry,ref=docker.io/acme/b`',
  ],
  [{ 'cache-to': 'type=registry,ref=' }, 'Input "cache-to": type=registry has no ref.', 'type=registry,ref='],
  [{ 'cache-from': 'acme//web' }, 'Input "cache-from": "acme//web" is not an image reference', 'variable'],
  [{ 'cache-from': 'acme/a,acme/b' }, 'Input "cache-from": "acme/a,acme/b" is not an image reference', ','],
  [{ 'cache-from': '"type=gha' }, 'Input "cache-from": a quoted entry', 'Quote a whole entry'],
  // contradictions
  [{ 'cache-from': 'type=gha\nacme/web' }, 'got type=gha and type=registry', '`cache-to: type=gha,scope=web`'],
  [
    { 'cache-from': 'type=gha', 'cache-to': 'type=local,dest=c' },
    'got type=gha and type=local',
    '`cache: auto` needs neither',
  ],
  [{ 'cache-from': 'acme/web', 'cache-to': 'type=inline\ntype=gha' }, 'type=registry and type=gha', 'Keep one'],
  [{ ...both('type=gha'), cache: 'off' }, 'Input "cache": got "off". ', 'or `cache: off`'],
  [
    { 'cache-from': 'acme/web', cache: 'github' },
    'Input "cache": got "github". It contradicts "cache-from" with type=registry',
    '`cache: registry`',
  ],
  [{ 'cache-to': 'type=local,dest=c', cache: 'registry' }, 'contradicts "cache-to"', '`cache: directory`'],
  [{ 'cache-from': 'type=gha,scope=a', 'cache-scope': 'b' }, 'Inputs "cache-scope", "cache-from"', '"b" and "a"'],
  [{ 'cache-from': 'type=gha,scope=a\ntype=gha,scope=b' }, 'got the scopes "a" and "b"', '`cache-scope: a`'],
  [
    { 'cache-from': 'type=gha,scope=a', 'cache-to': 'type=gha,scope=b' },
    'got the scopes "a" and "b"',
    '`cache-scope: a`',
  ],
  [
    { 'cache-from': 'type=local,src=/tmp/c', 'cache-to': 'type=local,dest=/tmp/c-new' },
    'got the folders "/tmp/c" and "/tmp/c-new"',
    'Write `cache-dir: /tmp/c` alone',
  ],
  [{ 'cache-from': 'type=local,src=c', 'cache-dir': 'd' }, 'Inputs "cache-dir", "cache-from"', '"d" and "c"'],
]

describe('refused, with the input, what it got and what to write', () => {
  it.each(refused)('%j', (given, names, says) => {
    const error = refusal(() => readCacheOptions(reader(given)))
    expect(error.message).toContain(names)
    expect(describeError(error)).toContain(says)
    expect(describeError(error).match(/Inputs? "/g)).toHaveLength(1)
  })

  it.each([
    'type=s3,access_key_id=AKIA,secret_access_key=hunter2',
    'type=azblob,secret_access_key=hunter2,x',
    'type=gha,token=hunter2,token=hunter2',
    'type=registry,ref=,token=hunter2',
    'type=gha,mode=x,token=hunter2',
  ])('without the secrets of the line: %s', (line) => {
    expect(everythingOf(refusal(() => readCacheOptions(reader({ 'cache-to': line }))))).not.toContain('hunter2')
  })
})
