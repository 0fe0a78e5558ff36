import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'
import { UserError } from '../../../src/errors.js'
import { resolveMetadata } from '../../../src/pipeline/prepare/metadata.js'
import { INPUT_NAMES } from '../../../src/runner/input-table.js'
import { contextOf, inputsOf, rejection, temporaryFolder } from '../helpers.js'

const PARSERS = 'runner/input-parsers.ts'
const root = join(import.meta.dirname, '../../..')

/** An error for the user, as it stands in the code. */
interface Written {
  /** `engine/build-user.ts:40` */
  readonly place: string
  /** The text, with what is put in as `${…}`. */
  readonly message: string
  /** Undefined where there may be none. */
  readonly hint: string | undefined
}

/** What a message can begin with, or have in it, so that it says what is at fault. */
const SUBJECTS: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['an input', /\bInputs? ("|\$\{)/],
  ['the Dockerfile', /\bDockerfile\b/],
  ['a file, named by its path', /^The auth file \$|^\$\{(found\.path|what\} \$\{file)\}/],
  ['a path of the context', /\$\{JSON\.stringify\(path\)\}/],
  ['a reference', /^Reference \$/],
  [
    'a registry, named by its host',
    /^(Access denied: |Request to |The token server of )?\$\{(registry|host|reference\.registry|realm\.host|formatReference\(tagged\))\}/,
  ],
  ['a push, a pull or a build', /^(Push of |Not pushed: |The push |The build failed|Base images )/],
  [
    'a program',
    /^The program \w+ |\bthe program \w+ is missing|^Cannot connect to the Docker daemon |^The builder of Docker Buildx|^Docker \$\{version\}|^\$\{path\} is Podman|^Neither Buildah/,
  ],
  ['this machine', /^A rootless build can't work here: |^No usable isolation /],
]

/** Whose makers are given the text: those are checked where they are called. */
const MAKERS: Readonly<Record<string, RegExp>> = {
  'engine/buildah/failures.ts': /^\$\{what\}\.$/,
  'engine/docker/failures.ts': /^\$\{what\}\.$/,
  'auth/keychain.ts': /^\$\{what\}\. \$\{why\}\.$/,
  'runner/unknown-inputs.ts': /^lines\.join\('\\n'\)$/,
  // Of errors that name theirs, with the platform.
  'pipeline/platforms/platform-failures.ts': /^messages\.join\('\\n'\)$|^\$\{name\}: \$\{messageOf\(error\)\}$/,
  // An input, or a line of the Dockerfile.
  'engine/docker/unsupported.ts': /^\$\{what\} needs /,
  'engine/buildah/find/install.ts': /^\$\{found\}\$\{listed\}\.$/,
}

/**
 * Grammars of lines: an error says what is wrong with a piece, and whoever reads the line adds the input and the line
 * (`atLine`, `inInputs`). A test of names reads the whole text.
 */
const GRAMMARS = /^metadata\/|^pipeline\/prepare\/(metadata|name-context)\.ts/

/** Those that are made of another, that another file tells of, or that no line of an input leads to. */
const TOLD =
  /error\.message[.}]|is not a registry|it holds a line break|^Input "annotations" can't be honoured|^Variable "/

/** A mistake for each error of a grammar. */
const MISTAKES: readonly Readonly<Record<string, string>>[] = [
  { images: 'name=acme/web,nam=x' },
  { images: 'name=acme/web,enable=yes' },
  { images: 'acme/web,name=acme/shop' },
  { images: 'name=' },
  { images: '"acme/web' },
  { images: 'acme//web' },
  { images: 'acme/web', tags: '1.2,1.3' },
  { tags: 'acme/web:1,suffix=a' },
  { tags: 'acme/web:{{sha}}' },
  { tags: `acme/web@sha256:${'0'.repeat(64)}` },
  { tags: '1.2' },
  { images: 'acme/web', tags: '1.2\n1.2' },
  { images: 'acme/web', tags: 'latest 1.2' },
  { images: 'acme/web', labels: 'a"b=c' },
  { images: 'acme/web', tags: 'type=raw,value=a,value=b' },
  { images: 'acme/web', tags: 'type=raw,value=a,x=b' },
  { images: 'acme/web', tags: 'type=x' },
  { images: 'acme/web', tags: 'type=ref' },
  { images: 'acme/web', tags: 'type=ref,event=x' },
  { images: 'acme/web', tags: 'type=raw,value=a,priority=x' },
  { images: 'acme/web', tags: 'type=match,pattern=(,value=a' },
  { images: 'acme/web', tags: 'type=match,pattern=a,group=x' },
  { images: 'acme/web', tags: 'type=raw,value=a,enable=x' },
  { images: 'acme/web', tags: '{{brunch}}' },
  { images: 'acme/web', tags: "{{branch 'x'}}" },
  { images: 'acme/web', tags: '{{date}}' },
  { images: 'acme/web', tags: "{{date 'YYYY' x='y'}}" },
  { images: 'acme/web', tags: "{{date 'YYYY' tz='Nowhere/At_all'}}" },
  { images: 'acme/web', tags: '{{date YYYY}}' },
  { images: 'acme/web', flavor: 'latest=x' },
  { images: 'acme/web', flavor: 'prefix=a,onlatest=x' },
  { images: 'acme/web', flavor: 'onlatest=true' },
  { images: 'acme/web', flavor: 'newest=true' },
  { labels: '=a' },
  { labels: 'a b=c' },
  { annotations: 'index:a=b' },
  { annotations: 'index[nowhere]:a=b', platforms: 'linux/amd64,linux/arm64' },
  { push: 'true' },
  { images: 'acme/web', tags: 'type=edge,branch=none', push: 'true' },
]

/** Reasons that nobody is stopped by: `up-to-date/` ends a sentence with them. */
const REASONS = ['engine/buildah/registries/registries-conf.ts', 'engine/buildah/registries/registries-tables.ts']

/** Lines of files that aren't there, and the cures in them. */
const CHECKED: readonly (readonly [line: string, hint: string | undefined])[] = [
  ["throw new UserError('a')", undefined],
  ["throw new UserError('a', undefined)", undefined],
  ["declare const hint: string | undefined\nthrow new UserError('a', hint)", undefined],
  ["throw new UserError('a', ['b'].at(0))", undefined],
  ["throw new UserError('a', '')", ''],
  ["throw new UserError('a', 'b')", 'b'],
  ["throw new RegistryError('a', 'b', true)", 'b'],
  ['declare const x: string\nthrow new UserError(`a ${x}`, `b ${x}`)', 'b ${x}'],
  ["declare const error: UserError\nthrow new UserError('a', error.hint)", 'error.hint'],
  ["throw refuse('tags', 'a', 'Write b.')", 'Write b.'],
]
const nameOf = (index: number) => `checked-${index}.ts`

const all = readErrors(
  new Map(
    CHECKED.map(([line], index) => [
      join(root, 'src', nameOf(index)),
      `import { refuse } from './runner/input-parsers.js'\nimport { RegistryError, UserError } from './errors.js'\n${line}`,
    ]),
  ),
)
const errors = all.filter(({ place }) => !place.startsWith('checked-'))

describe('every error for the user', () => {
  it('is found', () => {
    expect(errors.length).toBeGreaterThan(100)
    expect(errors.filter(({ place }) => place.startsWith('runner/registry-inputs.ts')).length).toBeGreaterThan(1)
  })

  it('names an input, or what else is at fault', () => {
    const nameless = errors.filter(
      ({ place, message }) =>
        !GRAMMARS.test(place) &&
        MAKERS[fileOf(place)]?.test(message) !== true &&
        !SUBJECTS.some(([, pattern]) => pattern.test(message)),
    )
    expect(nameless).toStrictEqual([])
  })

  it('has a hint', () => {
    expect(errors.filter(({ hint }) => hint === undefined || hint.trim() === '')).toStrictEqual([])
  })

  it('names inputs that the action has', () => {
    const known: readonly string[] = INPUT_NAMES
    const named = errors.flatMap(({ place, message }) =>
      [...message.matchAll(/\bInput "([a-z-]+)"/g)].map(([, name = '']) => ({ place, name })),
    )
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter(({ name }) => !known.includes(name))).toStrictEqual([])
  })
})

describe('an error of a grammar', () => {
  const refusals = Promise.all(
    MISTAKES.map(async (values) => {
      const naming = resolveMetadata(inputsOf(values), contextOf({ workspace: temporaryFolder() }))
      const error = await rejection(naming).catch(() => new Error(`${JSON.stringify(values)} was not refused`))
      if (!(error instanceof UserError)) throw error
      return { values, error }
    }),
  )

  it('is told with the name of its input, and its hint', async () => {
    for (const { values, error } of await refusals) {
      const inputs = Object.keys(values).map((name) => `Input "${name}"`)
      expect(inputs.filter((name) => error.message.startsWith(name))).toHaveLength(1)
      expect(error.hint ?? '').not.toBe('')
    }
  })

  it('has a mistake here that shows it', async () => {
    const messages = (await refusals).map(({ error }) => error.message)
    const unseen = errors.filter(
      ({ place, message }) =>
        GRAMMARS.test(place) && !TOLD.test(message) && !messages.some((text) => patternOf(message).test(text)),
    )
    expect(unseen).toStrictEqual([])
  })
})

describe('the check', () => {
  it.each(CHECKED.map(([line, hint], index) => [line, hint, index] as const))(
    'of %j finds the hint %j',
    (_line, hint, index) => {
      const found = all.filter(({ place }) => fileOf(place) === nameOf(index))
      expect(found.map((error) => error.hint)).toStrictEqual([hint])
    },
  )
})

/** Of what a template of the code can give. */
function patternOf(template: string): RegExp {
  const [first = '', ...rest] = template.replace(/^tags: /, '').split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/)
  return new RegExp([first, ...rest].map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*'))
}

/** @param further texts of files that aren't there, by their absolute paths */
function readErrors(further: ReadonlyMap<string, string>): Written[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config,
    ts.sys,
    root,
  )
  // Node's own types take long to read, and no hint is of one.
  options.types = []
  const host = ts.createCompilerHost(options, true)
  host.readFile = (path) => further.get(path) ?? ts.sys.readFile(path)
  host.fileExists = (path) => further.has(path) || ts.sys.fileExists(path)
  const paths = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const own = paths.filter((path) => path.endsWith('.ts')).map((path) => join(root, 'src', path))
  const names = [...own, ...further.keys()]
  const program = ts.createProgram(names, options, host)
  const checker = program.getTypeChecker()
  return names.flatMap((name) => {
    const source = program.getSourceFile(name)
    return source === undefined ? [] : errorsIn(source, relative(join(root, 'src'), name), checker)
  })
}

function errorsIn(source: ts.SourceFile, path: string, checker: ts.TypeChecker): Written[] {
  if (REASONS.includes(path)) return []
  const found: Written[] = []
  const add = (node: ts.Node, message: string, hint: ts.Expression | undefined) => {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    found.push({ place: `${path}:${line}`, message, hint: hint === undefined ? undefined : hintOf(hint, checker) })
  }
  const hasRefuse = path === PARSERS || /^import [^;]*?\brefuse\b[^;]*? from '\S*input-parsers\.js'/m.test(source.text)
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && /^(User|Registry)Error$/.test(node.expression.getText())) {
      const [message, hint] = node.arguments ?? []
      add(node, message === undefined ? '' : textOf(message), hint)
    }
    // It makes an error of the name of an input, what it got and what is allowed: that is what to do.
    if (ts.isCallExpression(node) && node.expression.getText() === 'refuse' && hasRefuse) {
      const [name, , allowed] = node.arguments
      const isText = name !== undefined && ts.isStringLiteralLike(name)
      add(node, isText ? `Input "${name.text}"` : 'Input "${…}"', allowed)
    }
    // The one that it makes is looked at where it is called.
    if (!(path === PARSERS && ts.isFunctionDeclaration(node) && node.name?.text === 'refuse'))
      ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Its text where it is written there, its code elsewhere; undefined where it may be. */
function hintOf(node: ts.Expression, checker: ts.TypeChecker): string | undefined {
  // An error that is told again with more in front keeps its hint.
  const isTold = ts.isPropertyAccessExpression(node) && node.name.text === 'hint'
  const type = checker.getTypeAtLocation(node)
  const kinds = type.isUnion() ? type.types : [type]
  const isMissing = kinds.some(({ flags }) => (flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Any)) !== 0)
  return isMissing && !isTold ? undefined : textOf(node)
}

function textOf(node: ts.Expression): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) return node.getText()
  return (
    node.head.text + node.templateSpans.map((span) => `\${${span.expression.getText()}}${span.literal.text}`).join('')
  )
}

function fileOf(place: string): string {
  return place.replace(/:\d+$/, '')
}
