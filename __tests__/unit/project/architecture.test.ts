import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { tableBelow } from './project-files.js'
import { cyclesIn, type Facts, factsOf } from './source-facts.js'

const src = join(import.meta.dirname, '../../../src')

/** A folder of src, as docs/architecture.md has it. */
interface Folder {
  /** Folders that its files may import from, beside itself and the files at the top. */
  readonly imports: readonly string[]
  /** Gives the same for the same, whatever the machine and the time. */
  readonly isPure: boolean
}

const FOLDERS: ReadonlyMap<string, Folder> = new Map(
  tableBelow('docs/architecture.md', '## Folders').map(([name = '', what = '', imports = '']) => [
    name.replaceAll(/[`/]/g, ''),
    {
      imports: [...imports.matchAll(/`([^`]+)`/g)].map(([, folder = '']) => folder),
      isPure: what.endsWith('; pure'),
    },
  ]),
)

/** Nobody imports an entry. The other files at the top are for everybody, and import `lib` and one another at most. */
const ENTRIES = ['main.ts', 'post.ts', 'cache-worker.ts']
/** Engines know nothing of one another; the file that chooses one knows them all. */
const ENGINES = ['engine/buildah/', 'engine/docker/']

/** Further files that are pure, in folders that aren't. */
const PURE = [
  ...[
    'errors.ts',
    'lib/secret.ts',
    'lib/format.ts',
    'lib/json.ts',
    'lib/paths.ts',
    'lib/concurrency.ts',
    'lib/quote.ts',
  ],
  ...['lib/lines.ts', 'lib/url-logins.ts', 'runner/input-parsers.ts', 'source/dockerignore.ts', 'source/scan-rules.ts'],
  ...['engine/progress.ts', 'engine/error-hints.ts', 'engine/input-paths.ts', 'engine/image-size.ts'],
  ...['lib/spelling.ts', 'runner/peer-inputs.ts', 'runner/extra-arguments.ts', 'runner/amounts.ts'],
  ...['runner/context-inputs.ts', 'runner/registry-inputs.ts', 'runner/output-files.ts'],
  ...['runner/ssh-keys.ts', 'runner/cache-inputs.ts'],
  ...['engine/buildah/find/requirements.ts', 'engine/buildah/find/apparmor.ts'],
  ...['engine/buildah/build/args.ts', 'engine/buildah/registries/registry-args.ts', 'engine/buildah/setup.ts'],
  ...['engine/buildah/push/push-progress.ts', 'engine/buildah/registries/registries-conf.ts'],
  ...[
    'engine/buildah/registries/registries-tables.ts',
    'engine/buildah/sandbox/mounts.ts',
    'engine/buildah/sandbox/script.ts',
  ],
  ...['engine/buildah/sandbox/extra-arguments.ts', 'engine/docker/args.ts', 'engine/docker/bases.ts'],
  ...['engine/docker/builder.ts', 'engine/docker/unsupported.ts', 'engine/docker/progress.ts'],
  ...[
    'cache/policy.ts',
    'cache/key.ts',
    'cache/errors.ts',
    'cache/backends/worker-result.ts',
    'cache/backends/registry-manifest.ts',
  ],
  ...['cache/containers-storage/records.ts', 'cache/containers-storage/index.ts'],
  ...['cache/containers-storage/select.ts', 'cache/containers-storage/retention.ts', 'cache/oci-layout/index.ts'],
  ...[
    'cache/containers-storage/skeleton-plan.ts',
    'cache/containers-storage/known-blobs.ts',
    'pipeline/cache/whole-layers.ts',
  ],
  ...['up-to-date/fingerprint.ts', 'up-to-date/build-record.ts', 'registry/www-authenticate.ts'],
  ...['registry/compressed-layers.ts', 'signing/claims.ts', 'signing/endpoints.ts', 'signing/statement.ts'],
]
const WORLD = /^(@actions\/|node:(fs|child_process|os|net|http|https|dns|process)(\/|$))/
const IMPURE = ['process', 'Date.now', 'Math.random', 'performance', 'setTimeout', 'fetch', 'console', 'randomBytes']

/** Names that only these files may use. */
const RESERVED: readonly (readonly [names: readonly string[], files: readonly string[], why: string])[] = [
  [
    ['process.env'],
    [
      'runner/inputs.ts',
      'runner/unknown-inputs.ts',
      'runner/context.ts',
      'runner/state.ts',
      'post.ts',
      'cache-worker.ts',
    ],
    'the environment is read at the edge',
  ],
  [
    ['getInput', 'getBooleanInput', 'getMultilineInput'],
    ['runner/inputs.ts'],
    'one file knows how the runner passes inputs',
  ],
  [['getState', 'saveState'], ['runner/state.ts'], 'one file knows what main tells post'],
  [['setOutput'], ['main.ts'], 'one file writes outputs'],
  [['process.exit', 'process.exitCode', 'process.once'], ENTRIES, 'only an entry ends the process'],
  [['setFailed'], [], 'an error can have a place, which this has not'],
  [['warning', 'notice'], ['log.ts'], 'log.ts keeps warnings for the summary'],
  [['console'], [], 'log.ts escapes what goes into the log'],
]

/** Modules that only these files may import, and whether only when they are needed. */
const GUARDED: readonly (readonly [module: RegExp, files: readonly string[], lazily: boolean])[] = [
  [/^@actions\/exec$/, ['exec.ts'], false],
  // The first starts the process that talks to the cache service, and speaks with it by messages; the second holds a
  // program open by its standard input; the third ends one before it is done.
  [/^(node:)?child_process$/, ['cache/backends/worker.ts', 'lib/held-program.ts', 'lib/background-program.ts'], false],
  // These two are large: what doesn't need them doesn't load them. The first has a process of its own.
  [/^@actions\/cache$/, ['cache-worker.ts'], false],
  [/^@actions\/tool-cache$/, ['engine/buildah/find/download.ts', 'engine/buildah/emulation/kept-qemus.ts'], true],
  [/^@sigstore\//, ['signing/sigstore.ts'], false],
  [/^smol-toml$/, ['engine/buildah/registries/registries-tables.ts'], true],
  // One file speaks to registries, and three are a server that stands in for one; one downloads files. The last lets go
  // of connections that the client of the cache service keeps.
  [
    /^(@actions\/http-client|(node:)?https?)$/,
    [
      ...['registry/http.ts', 'registry/upload-proxy.ts', 'registry/forwarding.ts', 'registry/proxied-manifests.ts'],
      ...['lib/download.ts', 'cache-worker.ts'],
    ],
    false,
  ],
]

/** A module that needs more of ours than this has more than one job. The pipeline alone is where all of it meets. */
const MAX_IMPORTS = 12
const UNLIMITED = ['pipeline/run.ts']

const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')
const engineOf = (path: string) => ENGINES.find((engine) => path.startsWith(engine))

/** Everything in these files that breaks a rule, as sentences. */
function breachesIn(files: ReadonlyMap<string, Facts>): string[] {
  return [
    ...[...files].flatMap(([path, facts]) => [
      ...misplaced(path),
      ...forbiddenImports(path, facts, files),
      ...tooManyImports(path, facts, files),
      ...impurities(path, facts),
      ...trespasses(path, facts),
    ]),
    ...cyclesIn(files).map((cycle) => `a cycle: ${cycle}`),
  ]
}

const AT_THE_TOP = [...ENTRIES, 'artifact-repository.ts', 'build-storage.ts', 'errors.ts', 'exec.ts', 'log.ts']

function misplaced(path: string): string[] {
  const isThere = path.includes('/') ? FOLDERS.has(folderOf(path)) : AT_THE_TOP.includes(path)
  return isThere ? [] : [`${path} is in no folder of docs/architecture.md`]
}

function forbiddenImports(path: string, { imports, lazy }: Facts, files: ReadonlyMap<string, Facts>): string[] {
  return [...imports, ...lazy].flatMap((target) => {
    // What isn't of ours is a package, or Node's own.
    if (!files.has(target)) return target.endsWith('.ts') ? [`${path} imports ${target}, which isn't there`] : []
    return mayImport(path, target) ? [] : [`${path} may not import ${target}`]
  })
}

function tooManyImports(path: string, { imports, lazy }: Facts, files: ReadonlyMap<string, Facts>): string[] {
  const count = new Set([...imports, ...lazy].filter((target) => files.has(target))).size
  return count <= MAX_IMPORTS || UNLIMITED.includes(path)
    ? []
    : [`${path} imports ${count} modules of ours, and ${MAX_IMPORTS} is the limit`]
}

function mayImport(path: string, target: string): boolean {
  const [own, other] = [folderOf(path), folderOf(target)]
  if (ENTRIES.includes(target)) return false
  if (ENTRIES.includes(path) || other === '') return true
  if (own === '') return other === 'lib'
  const [from, to] = [engineOf(path), engineOf(target)]
  if (own === 'engine' && to !== undefined && from !== to) return path === 'engine/select.ts'
  return own === other || FOLDERS.get(own)?.imports.includes(other) === true
}

function impurities(path: string, { imports, lazy, names }: Facts): string[] {
  if (!PURE.includes(path) && FOLDERS.get(folderOf(path))?.isPure !== true) return []
  return [
    ...[...imports, ...lazy]
      .filter((module) => WORLD.test(module) || module === 'exec.ts')
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
    expect([...texts.keys()]).toEqual(expect.arrayContaining(['main.ts', 'engine/engine.ts', 'metadata/reference.ts']))
    const imports = [...sources.values()].flatMap((facts) => facts.imports)
    expect(imports.filter((target) => sources.has(target)).length).toBeGreaterThan(80)
    expect(
      [...FOLDERS.keys()].filter((folder) => ![...texts.keys()].some((path) => folderOf(path) === folder)),
    ).toEqual([])
    expect(PURE.filter((path) => !texts.has(path))).toStrictEqual([])
  })

  it('may import what stands before them alone: no folder imports one that imports it', () => {
    const names = [...FOLDERS.keys()]
    const backwards = [...FOLDERS].flatMap(([name, { imports }]) =>
      imports
        .filter((other) => !names.slice(0, names.indexOf(name)).includes(other))
        .map((other) => `${name} ${other}`),
    )
    expect(backwards).toStrictEqual([])
  })

  it('use the environment in post.ts only once, and nothing of it but what programs and the cache service need', () => {
    const post = texts.get('post.ts') ?? ''
    expect(post.match(/process\.env/g)).toHaveLength(1)
    expect(post).toContain('finish(state, process.env)')
    // Handed on as it is, and otherwise read by context.ts alone.
    const uses = [...post.matchAll(/(\w+)\([^()]*\benvironment\b[^()]*\)/g)].map(([, name]) => name)
    const others = ['finish', 'postAccess', 'programEnvironment', 'save', 'save', 'serviceEnvironment']
    expect(uses.sort()).toStrictEqual(['completeProxies', ...others])
  })
})

describe('the checker', () => {
  it.each<[path: string, line: string, breach: string]>([
    // folders
    ['exec.ts', `import type { Inputs } from './runner/inputs.js'`, 'exec.ts may not import runner/inputs.ts'],
    ['metadata/tags.ts', `import '../runner/inputs.js'`, 'metadata/tags.ts may not import runner/inputs.ts'],
    ['errors.ts', `export * from './metadata/tags.js'`, 'errors.ts may not import metadata/tags.ts'],
    [
      'source/source.ts',
      `import {\n  readLogins,\n} from '../auth/auth-file.js'`,
      'source/source.ts may not import auth/auth-file.ts',
    ],
    [
      'engine/engine.ts',
      `const lazy = await import('../pipeline/push/push.js')`,
      'engine/engine.ts may not import pipeline/push/push.ts',
    ],
    ['exec.ts', `type Late = import('./pipeline/run.js').Result`, 'exec.ts may not import pipeline/run.ts'],
    ['pipeline/run.ts', `import '../main.js'`, 'pipeline/run.ts may not import main.ts'],
    [
      'cache/backends/github.ts',
      `import '../../cache-worker.js'`,
      'cache/backends/github.ts may not import cache-worker.ts',
    ],
    ['pipeline/run.ts', `import './nowhere.js'`, `pipeline/run.ts imports pipeline/nowhere.ts, which isn't there`],
    ['cache/key.ts', `import '../engine/engine.js'`, 'cache/key.ts may not import engine/engine.ts'],
    ['engine/select.ts', `import '../cache/key.js'`, 'engine/select.ts may not import cache/key.ts'],
    ['registry/client.ts', `import '../engine/engine.js'`, 'registry/client.ts may not import engine/engine.ts'],
    ['build-storage.ts', `import './engine/work-dir.js'`, 'build-storage.ts may not import engine/work-dir.ts'],
    ['lib/hash.ts', `import '../runner/inputs.js'`, 'lib/hash.ts may not import runner/inputs.ts'],
    // engines
    [
      'engine/docker/args.ts',
      `import '../buildah/build/args.js'`,
      'engine/docker/args.ts may not import engine/buildah/build/args.ts',
    ],
    ['engine/engine.ts', `import './docker/args.js'`, 'engine/engine.ts may not import engine/docker/args.ts'],
    // a file or a folder that nobody has thought of
    ['utils.ts', '', 'utils.ts is in no folder of docs/architecture.md'],
    ['utils/text.ts', '', 'utils/text.ts is in no folder of docs/architecture.md'],
    // pure
    [
      'metadata/tags.ts',
      `import { readFile } from 'node:fs/promises'`,
      'metadata/tags.ts is pure and imports node:fs/promises',
    ],
    [
      'engine/error-hints.ts',
      `import { warning } from '@actions/core'`,
      'engine/error-hints.ts is pure and imports @actions/core',
    ],
    [
      'report/summary.ts',
      `import { setOutput } from '@actions/core'`,
      'report/summary.ts is pure and imports @actions/core',
    ],
    ['dockerfile/lines.ts', `import { execute } from '../exec.js'`, 'dockerfile/lines.ts is pure and imports exec.ts'],
    ['cache/policy.ts', 'const now = Date.now()', 'cache/policy.ts is pure and uses Date.now'],
    [
      'dockerfile/dockerfile.ts',
      `const home = process['env']['HOME']`,
      'dockerfile/dockerfile.ts is pure and uses process',
    ],
    // reserved
    [
      'pipeline/run.ts',
      'const { HOME } = process.env',
      'pipeline/run.ts uses process.env: the environment is read at the edge',
    ],
    [
      'pipeline/run.ts',
      `const home = process['env']`,
      'pipeline/run.ts uses process.env: the environment is read at the edge',
    ],
    [
      'pipeline/run.ts',
      'const { env } = process',
      'pipeline/run.ts uses process.env: the environment is read at the edge',
    ],
    [
      'engine/select.ts',
      `import { getInput } from '@actions/core'`,
      'engine/select.ts uses getInput: one file knows how the runner passes inputs',
    ],
    [
      'engine/select.ts',
      `import * as core from '@actions/core'\ncore.setFailed('x')`,
      'engine/select.ts uses setFailed: an error can have a place, which this has not',
    ],
    [
      'pipeline/push/push.ts',
      'process.exit(1)',
      'pipeline/push/push.ts uses process.exit: only an entry ends the process',
    ],
    // guarded
    [
      'source/source.ts',
      `import { spawn } from 'node:child_process'`,
      'source/source.ts may not import node:child_process',
    ],
    [
      'engine/buildah/find/download.ts',
      `import * as tools from '@actions/tool-cache'`,
      'engine/buildah/find/download.ts loads @actions/tool-cache at once, needed or not',
    ],
    [
      'pipeline/run.ts',
      `const cache = await import('@actions/cache')`,
      'pipeline/run.ts may not import @actions/cache',
    ],
    ['registry/tokens.ts', `import { request } from 'node:https'`, 'registry/tokens.ts may not import node:https'],
    // style
    ['pipeline/run.ts', 'export default function x() {}', 'pipeline/run.ts has a default export'],
    ['pipeline/run.ts', 'const x = 1\nexport default x', 'pipeline/run.ts has a default export'],
  ])('sees in %s: %j', (path, line, breach) => {
    expect(breachesIn(sourcesWith(path, line))).toContain(breach)
  })

  it.each([
    ['engine/a.ts', 12, false],
    ['engine/a.ts', 13, true],
    ['pipeline/run.ts', 13, false],
  ])('counts what %s imports: %d', (path, count, isBreach) => {
    const others = [...Array(count).keys()].map((number) => `lib/b${number}.ts`)
    // Each of them twice, the second time for a type, and packages beside them.
    const lines = others.map((name) => {
      const from = `'../${name.replace('.ts', '.js')}'`
      return `import { x } from ${from}\nimport type { Y } from ${from}\nimport 'node:fs'`
    })
    const files = new Map([path, ...others].map((name) => [name, factsOf(name, name === path ? lines.join('\n') : '')]))
    const breach = `${path} imports ${count} modules of ours, and 12 is the limit`
    expect(breachesIn(files)).toStrictEqual(isBreach ? [breach] : [])
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
    '// import { run } from "./pipeline/run.js"; process.env',
    'const text = "import x from \'./pipeline/run.js\'; process.env; setFailed()"',
    'switch (1 as number) {\n  default:\n}',
    'const other = { process: 1, env: 2 }',
  ])('minds the code only: %j', (line) => {
    expect(breachesIn(sourcesWith('exec.ts', line))).toStrictEqual(breachesIn(sources))
  })
})
