import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { cyclesIn, type Facts, factsOf } from './source-facts.js'

const src = join(import.meta.dirname, '../../../src')

/**
 * The storeys of the house, the lowest first. A file may import what stands below it and, in a folder, its neighbours;
 * never what stands above, nor another room of its own storey.
 */
const STOREYS: readonly (readonly [rooms: readonly string[], why: string])[] = [
  [
    [
      'errors.ts',
      'secret.ts',
      'log.ts',
      'units.ts',
      'json.ts',
      'paths.ts',
      'parallel.ts',
      'platform.ts',
      'clock.ts',
      'url-logins.ts',
    ],
    'Words: what a mistake, a secret and a line of the log are. They know none of us.',
  ],
  [
    ['headway.ts', 'persist.ts', 'limit.ts'],
    'What is said while something takes long, and while it is tried again; and when it is given up.',
  ],
  [['dockerfile/'], 'What a Dockerfile says: a text becomes a value.'],
  [['image/', 'entries.ts'], 'What names, tags, labels and entries of inputs mean: texts become values, or mistakes.'],
  [
    ['exec.ts', 'processes.ts', 'state.ts'],
    'The ways out of this process: programs, what they start, and what goes to the post step.',
  ],
  [['held.ts'], 'A program that runs beside this process.'],
  [['store.ts', 'digest.ts'], 'What an engine and a cache say to each other: a storage root, and digests of files.'],
  [
    ['build-secrets.ts', 'cache-inputs.ts', 'event.ts'],
    'What the inputs for secrets and for the cache give, and what started the run.',
  ],
  [['inputs.ts', 'context.ts'], 'What was asked, and where we are: the only readers of inputs and environment.'],
  [['git-url.ts'], 'What a Git URL says, in whatever form it is written.'],
  [['ignore-patterns.ts'], 'What an ignore file says.'],
  [['ignored.ts'], 'What is left out of a context.'],
  [['source.ts', 'credentials.ts'], 'What of that lies on the disk: files, contexts, earlier logins.'],
  [['unseen-folders.ts'], 'What of that Buildah would lose.'],
  [['survey-rules.ts'], 'What of a context a path takes, also by links.'],
  [['survey-listing.ts'], 'What of that is there.'],
  [['survey.ts', 'attributes.ts', 'git.ts'], 'What lies in a context, and what Git says of a checkout.'],
  [['copied.ts'], 'What of the context an image is made of.'],
  [
    ['engine/', 'cache/', 'registry/', 'report/'],
    'How it is done. An engine, a cache and a registry know nothing of each other; they meet above.',
  ],
  [
    ['push.ts', 'accepted-pushes.ts', 'held-digests.ts'],
    'Every reference to its registry, by the interface of an engine alone, and what the registry makes of it.',
  ],
  [['surroundings.ts'], 'What decides the result of a step beside its text.'],
  [['base-images.ts'], 'Which images a build is made of.'],
  [
    ['unchanged/'],
    'Whether all that goes into the image is as an earlier run had it, and that image instead of a build.',
  ],
  [['names.ts'], 'What the image is called, from inputs, event, Git and clock.'],
  [['warm.ts'], 'The storage of an engine, filled by a cache, and what is new in it.'],
  [['kept.ts'], 'What of that storage is kept, and what it was good for.'],
  [['build.ts', 'login.ts', 'phases.ts'], 'What an engine is asked for, in the order that it must have.'],
  [['plan.ts'], 'What is known before the build, and what is found out by it.'],
  [['replaced-links.ts'], 'What of an image is otherwise than it was meant: links that COPY has replaced.'],
  [['base-settings.ts'], 'What an image inherits from its base images, as their registries have them.'],
  [['run.ts'], 'The whole pass, which puts them together.'],
  [['outputs.ts'], 'What the pass came to, as the outputs of the step have it.'],
  [
    ['main.ts', 'post.ts', 'transfer.ts'],
    'The entries: the edge to the runner, and to its cache service. Nobody imports them.',
  ],
]

/** Files that give the same for the same, whatever the machine and the time. */
const PURE = [
  ...['image/', 'dockerfile/', 'report/', 'entries.ts', 'errors.ts', 'secret.ts', 'outputs.ts'],
  ...[
    'engine/features.ts',
    'engine/known-faults.ts',
    'engine/hints.ts',
    'engine/buildah-args.ts',
    'engine/engine.ts',
    'engine/progress.ts',
  ],
  ...['engine/lines.ts', 'engine/paths.ts', 'engine/docker/args.ts', 'engine/docker/bases.ts'],
  ...['engine/docker/builder.ts', 'engine/docker/parity.ts', 'engine/docker/progress.ts', 'cache/blob-index.ts'],
  ...['engine/nearest.ts', 'engine/sandbox/mounts.ts', 'engine/sandbox/extra-arguments.ts', 'engine/sandbox/script.ts'],
  ...['engine/layers.ts', 'engine/known-causes.ts', 'engine/csv.ts'],
  'engine/puzzles.ts',
  'engine/push-progress.ts',
  'units.ts',
  'json.ts',
  'paths.ts',
  ...['url-logins.ts', 'git-url.ts', 'ignore-patterns.ts', 'survey-rules.ts', 'cache/tar-headers.ts'],
  ...[
    'cache/policy.ts',
    'cache/key.ts',
    'cache/records.ts',
    'cache/index.ts',
    'cache/offer.ts',
    'cache/plan.ts',
    'cache/outcome.ts',
  ],
  'cache/trouble.ts',
  ...['unchanged/fingerprint.ts', 'unchanged/remembered.ts', 'unchanged/relabel.ts', 'parallel.ts'],
  ...['registry/challenge.ts', 'engine/registries-conf.ts', 'engine/registries-tables.ts'],
]
const WORLD = /^(@actions\/|node:(fs|child_process|os|net|http|https|dns|process)(\/|$))/
const IMPURE = ['process', 'Date.now', 'Math.random', 'performance', 'setTimeout', 'fetch', 'console', 'randomBytes']

/** Names that only these files may use. */
const RESERVED: readonly (readonly [names: readonly string[], files: readonly string[], why: string])[] = [
  [
    ['process.env'],
    ['inputs.ts', 'context.ts', 'state.ts', 'post.ts', 'transfer.ts'],
    'the environment is read at the edge',
  ],
  [['getInput', 'getBooleanInput', 'getMultilineInput'], ['inputs.ts'], 'one place knows how inputs are written'],
  [['getState', 'saveState'], ['state.ts'], 'one place knows what main tells post'],
  [['setOutput'], ['main.ts'], 'one place says how the step has ended'],
  [
    ['process.exit', 'process.exitCode', 'process.once'],
    ['main.ts', 'post.ts', 'transfer.ts'],
    'only an entry ends the process',
  ],
  [['setFailed'], [], 'an error can have a place, which this has not'],
  [['warning', 'notice'], ['log.ts'], 'log.ts keeps what was warned of for the summary'],
  [['console'], [], 'what goes into the log goes by log.ts, which makes it inert'],
]

/** Modules that only these files may import, and whether only when they are needed. */
const GUARDED: readonly (readonly [module: RegExp, files: readonly string[], lazily: boolean])[] = [
  [/^@actions\/exec$/, ['exec.ts'], false],
  // The first starts the process that talks to the cache service, and speaks with it by messages; the other one holds a
  // program open by its standard input.
  [/^(node:)?child_process$/, ['cache/github.ts', 'held.ts'], false],
  // These two are large: what doesn't need them shall not load them. The first has a process of its own.
  [/^@actions\/cache$/, ['transfer.ts'], false],
  [/^@actions\/tool-cache$/, ['engine/archive.ts'], true],
  [/^smol-toml$/, ['engine/registries-tables.ts'], true],
  // One place speaks to registries. The other lets go of connections that the client of the cache service keeps.
  [/^(@actions\/http-client|(node:)?https?)$/, ['registry/connection.ts', 'transfer.ts'], false],
]

const isIn = (path: string, rooms: readonly string[]) =>
  rooms.some((room) => (room.endsWith('/') ? path.startsWith(room) : path === room))
const storeyOf = (path: string) => STOREYS.findIndex(([rooms]) => isIn(path, rooms))
const roomOf = (path: string) => path.slice(0, path.indexOf('/') + 1)

/** Everything in these files that breaks a rule, as sentences. */
function breachesIn(files: ReadonlyMap<string, Facts>): string[] {
  return [
    ...[...files].flatMap(([path, facts]) => [
      ...upwards(path, facts, files),
      ...impurities(path, facts),
      ...trespasses(path, facts),
    ]),
    ...cyclesIn(files).map((cycle) => `a cycle: ${cycle}`),
  ]
}

function upwards(path: string, { imports, lazy }: Facts, files: ReadonlyMap<string, Facts>): string[] {
  if (storeyOf(path) < 0) return [`${path} has no place in the table of storeys`]
  return [...imports, ...lazy].flatMap((target) => {
    // What isn't of ours is a package, or Node's own.
    if (!files.has(target)) return target.endsWith('.ts') ? [`${path} imports ${target}, which isn't there`] : []
    const above = storeyOf(target) - storeyOf(path)
    if (above < 0 || (above === 0 && roomOf(path) !== '' && roomOf(path) === roomOf(target))) return []
    return [`${path} imports ${target}, which stands ${above === 0 ? 'beside' : 'above'} it`]
  })
}

function impurities(path: string, { imports, lazy, names }: Facts): string[] {
  if (!isIn(path, PURE)) return []
  return [
    ...[...imports, ...lazy]
      .filter((module) => WORLD.test(module))
      .map((module) => `${path} is pure and imports ${module}`),
    ...IMPURE.filter((name) => names.has(name)).map((name) => `${path} is pure and uses ${name}`),
  ]
}

function trespasses(path: string, { imports, lazy, names, hasDefaultExport }: Facts): string[] {
  return [
    ...RESERVED.filter(([, files]) => !files.includes(path)).flatMap(([reserved, , why]) =>
      reserved.filter((name) => names.has(name)).map((name) => `${path} uses ${name}: ${why}`),
    ),
    ...GUARDED.filter(([, files]) => !files.includes(path)).flatMap(([module]) =>
      [...imports, ...lazy].filter((name) => module.test(name)).map((name) => `${path} may not import ${name}`),
    ),
    ...GUARDED.filter(([, , lazily]) => lazily).flatMap(([module]) =>
      imports.filter((name) => module.test(name)).map((name) => `${path} loads ${name} at once, needed or not`),
    ),
    ...(hasDefaultExport ? [`${path} has a default export`] : []),
  ]
}

const texts = new Map(
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => [path, readFileSync(join(src, path), 'utf8')]),
)

const sources = new Map([...texts].map(([path, text]) => [path, factsOf(path, text)]))

/** The sources with this line in front of one of them, which may be a new one. */
const sourcesWith = (path: string, line: string) =>
  new Map([...sources, [path, factsOf(path, `${line}\n${texts.get(path) ?? ''}`)]])

describe('the sources', () => {
  it('keep the rules', () => {
    expect(breachesIn(sources)).toStrictEqual([])
  })

  it('are all there: the rules are about something', () => {
    expect([...texts.keys()]).toEqual(expect.arrayContaining(['main.ts', 'engine/engine.ts', 'image/reference.ts']))
    const imports = [...sources.values()].flatMap((facts) => facts.imports)
    expect(imports.filter((target) => sources.has(target)).length).toBeGreaterThan(80)
  })

  it('use the environment in post.ts only once, and nothing of it but what programs and the cache service need', () => {
    const post = texts.get('post.ts') ?? ''
    expect(post.match(/process\.env/g)).toHaveLength(1)
    expect(post).toContain('finish(state, process.env)')
    // Handed on as it is, and otherwise read by context.ts alone.
    const uses = [...post.matchAll(/(\w+)\([^()]*\benvironment\b[^()]*\)/g)].map(([, name]) => name)
    expect(uses.sort()).toStrictEqual(['finish', 'keep', 'keep', 'programEnvironment', 'serviceEnvironment'])
  })
})

describe('the checker', () => {
  it.each<[path: string, line: string, breach: string]>([
    // upwards, and to the side
    ['push.ts', `import { run } from './run.js'`, 'push.ts imports run.ts, which stands above it'],
    ['exec.ts', `import type { Inputs } from './inputs.js'`, 'exec.ts imports inputs.ts, which stands above it'],
    [
      'image/tag.ts',
      `import { say } from '../log.js'\nimport '../inputs.js'`,
      'image/tag.ts imports inputs.ts, which stands above it',
    ],
    ['errors.ts', `export * from './image/quote.js'`, 'errors.ts imports image/quote.ts, which stands above it'],
    [
      'source.ts',
      `import {\n  readLogins,\n} from './credentials.js'`,
      'source.ts imports credentials.ts, which stands beside it',
    ],
    [
      'engine/engine.ts',
      `const lazy = await import('../push.js')`,
      'engine/engine.ts imports push.ts, which stands above it',
    ],
    ['exec.ts', `type Late = import('./run.js').Result`, 'exec.ts imports run.ts, which stands above it'],
    ['run.ts', `import './main.js'`, 'run.ts imports main.ts, which stands above it'],
    ['run.ts', `import './nowhere.js'`, `run.ts imports nowhere.ts, which isn't there`],
    // a file that nobody has thought of
    ['utils.ts', '', 'utils.ts has no place in the table of storeys'],
    // engine and cache
    ['cache/key.ts', `import '../engine/engine.js'`, 'cache/key.ts imports engine/engine.ts, which stands beside it'],
    ['engine/select.ts', `import '../cache/key.js'`, 'engine/select.ts imports cache/key.ts, which stands beside it'],
    ['store.ts', `import './engine/storage.js'`, 'store.ts imports engine/storage.ts, which stands above it'],
    ['digest.ts', `import type { Store } from './store.js'`, 'digest.ts imports store.ts, which stands beside it'],
    ['warm.ts', `import type { Result } from './run.js'`, 'warm.ts imports run.ts, which stands above it'],
    ['cache/github.ts', `import '../transfer.js'`, 'cache/github.ts imports transfer.ts, which stands above it'],
    // pure
    [
      'image/tag.ts',
      `import { readFile } from 'node:fs/promises'`,
      'image/tag.ts is pure and imports node:fs/promises',
    ],
    ['engine/hints.ts', `import { warning } from '@actions/core'`, 'engine/hints.ts is pure and imports @actions/core'],
    [
      'report/cache-stats.ts',
      `import { setOutput } from '@actions/core'`,
      'report/cache-stats.ts is pure and imports @actions/core',
    ],
    ['cache/plan.ts', 'const now = Date.now()', 'cache/plan.ts is pure and uses Date.now'],
    ['engine/features.ts', 'const now = Date.now()', 'engine/features.ts is pure and uses Date.now'],
    [
      'dockerfile/dockerfile.ts',
      `const home = process['env']['HOME']`,
      'dockerfile/dockerfile.ts is pure and uses process',
    ],
    // reserved
    ['run.ts', 'const { HOME } = process.env', 'run.ts uses process.env: the environment is read at the edge'],
    ['run.ts', `const home = process['env']`, 'run.ts uses process.env: the environment is read at the edge'],
    ['run.ts', 'const { env } = process', 'run.ts uses process.env: the environment is read at the edge'],
    [
      'engine/select.ts',
      `import { getInput } from '@actions/core'`,
      'engine/select.ts uses getInput: one place knows how inputs are written',
    ],
    [
      'engine/select.ts',
      `import * as core from '@actions/core'\ncore.setFailed('x')`,
      'engine/select.ts uses setFailed: an error can have a place, which this has not',
    ],
    ['push.ts', 'process.exit(1)', 'push.ts uses process.exit: only an entry ends the process'],
    // guarded
    ['source.ts', `import { spawn } from 'node:child_process'`, 'source.ts may not import node:child_process'],
    [
      'engine/archive.ts',
      `import * as tools from '@actions/tool-cache'`,
      'engine/archive.ts loads @actions/tool-cache at once, needed or not',
    ],
    ['run.ts', `const cache = await import('@actions/cache')`, 'run.ts may not import @actions/cache'],
    ['cache/github.ts', `import '@actions/cache'`, 'cache/github.ts may not import @actions/cache'],
    ['cache/github.ts', `import '../transfer.js'`, 'cache/github.ts imports transfer.ts, which stands above it'],
    [
      'cache/github.ts',
      `const cache = await import('@actions/cache')`,
      'cache/github.ts may not import @actions/cache',
    ],
    ['registry/tokens.ts', `import { request } from 'node:https'`, 'registry/tokens.ts may not import node:https'],
    [
      'registry/registry.ts',
      `import type { Engine } from '../engine/engine.js'`,
      'registry/registry.ts imports engine/engine.ts, which stands beside it',
    ],
    ['warm.ts', `import { fork } from 'node:child_process'`, 'warm.ts may not import node:child_process'],
    // style
    ['run.ts', 'export default function x() {}', 'run.ts has a default export'],
    ['run.ts', 'const x = 1\nexport default x', 'run.ts has a default export'],
  ])('sees in %s: %j', (path, line, breach) => {
    expect(breachesIn(sourcesWith(path, line))).toContain(breach)
  })

  it('sees a cycle', () => {
    const files = [
      ['engine/a.ts', `import './b.js'`],
      ['engine/b.ts', `import type { C } from './c.js'`],
      ['engine/c.ts', `export { b } from './b.js'`],
    ] as const
    const broken = new Map(files.map(([path, text]) => [path, factsOf(path, text)]))
    expect(breachesIn(broken)).toStrictEqual(['a cycle: engine/b.ts → engine/c.ts → engine/b.ts'])
  })

  it.each([
    '// import { run } from "./run.js"; process.env',
    'const text = "import x from \'./run.js\'; process.env; setFailed()"',
    'switch (1 as number) {\n  default:\n}',
    'const other = { process: 1, env: 2 }',
  ])('minds the code only: %j', (line) => {
    expect(breachesIn(sourcesWith('exec.ts', line))).toStrictEqual(breachesIn(sources))
  })
})
