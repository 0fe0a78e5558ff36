import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { hintForMissing, readMissing } from '../../../src/engine/copy-not-found.js'
import { temporaryFolder } from '../helpers.js'

// What Buildah 1.28.2 and 1.43.2 print, word for word, for a context in /ctx.
const stat = (step: string, path: string) =>
  `STEP 3/3: ${step}\nError: building at STEP "${step}": checking on sources under "/ctx": copier: stat: "/${path}": no such file or directory\n`
const ignored = (step: string, path: string, file = '.dockerignore') =>
  `Error: building at STEP "${step}": no items matching glob "/ctx/${path}" copied (1 filtered out using /ctx/${file}): no such file or directory`
const wildcard =
  'Error: building at STEP "COPY *.nope /x": checking on sources under "/ctx": Rel: can\'t make  relative to /ctx; copier: stat: ["/*.nope"]: no such file or directory'
const fromStage =
  'Error: building at STEP "COPY --from=other nope /x": checking on sources under "/root/vfs/dir/44d2f770adf8": copier: stat: "/nope": no such file or directory'

describe('readMissing', () => {
  it.each([
    [stat('COPY packag.json /x', 'packag.json'), { path: 'packag.json', ignored: false }],
    [stat('ADD nosuch.tar /x', 'nosuch.tar'), { path: 'nosuch.tar', ignored: false }],
    [stat('COPY a b /x', 'a b'), { path: 'a b', ignored: false }],
    [stat('COPY ["a b", "/x"]', 'a b'), { path: 'a b', ignored: false }],
    [stat('COPY nodir/ /x/', 'nodir'), { path: 'nodir', ignored: false }],
    [wildcard, { path: '*.nope', ignored: false }],
    [ignored('COPY secret.env /x', 'secret.env'), { path: 'secret.env', ignored: true }],
    [ignored('COPY *.env /x/', '*.env'), { path: '*.env', ignored: true }],
  ])('%j', (output, expected) => {
    expect(readMissing(output, '/ctx')).toStrictEqual(expected)
  })

  it.each([
    ['another stage', fromStage],
    ['nothing', ''],
    [
      'a file that can’t be read',
      'Error: building at STEP "COPY . /": checking on sources under "/ctx": copier: get: open "/ctx/key": permission denied',
    ],
    [
      'a step that prints such a line',
      `${stat('COPY forged /x', 'forged')}Error: building at STEP "RUN false": while running runtime: exit status 1`,
    ],
  ])('leaves %s alone', (_, output) => {
    expect(readMissing(output, '/ctx')).toBeUndefined()
  })
})

describe('hintForMissing', () => {
  function contextOf(files: Readonly<Record<string, string>>): string {
    const context = join(temporaryFolder(), 'context')
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(context, path)), { recursive: true })
      writeFileSync(join(context, path), content)
    }
    return context
  }
  const hint = async (files: Readonly<Record<string, string>>, output: string) => {
    const context = contextOf({ Dockerfile: '', ...files })
    const source = { context, file: join(context, 'Dockerfile') }
    return await hintForMissing(readMissing(output.replaceAll('/ctx', context), context), source)
  }

  it('names a path that is spelled alike', async () => {
    expect(await hint({ 'src/server.js': '' }, stat('COPY SRC/server.js /x', 'SRC/server.js'))).toBe(
      'The context has no "SRC/server.js": paths of COPY and ADD are relative to the context, not to the Dockerfile. Did you mean "src/server.js"?',
    )
  })

  it('says of a path that leads out of the context what to set', async () => {
    const out = await hint({ 'package.json': '' }, stat('COPY ../lib /lib', 'lib'))
    expect(out).toMatch(/^"\.\.\/lib" is outside the context.*Set "context" to a folder that has both, and "file"/)
    expect(await hint({}, stat('COPY lib ../lib', 'lib'))).toMatch(/^The context has no "lib"/)
    expect(await hint({}, stat('COPY src/../../lib other /x', 'other'))).toMatch(/^The context has no "other"/)
  })

  it.each([
    ['a typing error', 'packag.json', 'package.json'],
    ['one in the name of a folder', 'scr/server.js', 'src/server.js'],
    ['a folder that is the context itself', 'web/src/server.js', 'src/server.js'],
    ['a file that lies deeper', 'server.js', 'src/server.js'],
  ])('names the nearest path behind %s', async (_, path, like) => {
    const files = { 'package.json': '', 'src/server.js': '', 'lib/a/index.js': '', 'lib/b/index.js': '' }
    expect(await hint(files, stat(`COPY ${path} /x`, path))).toMatch(new RegExp(`\\. Did you mean "${like}"\\?$`))
  })

  it.each(['index.js', 'nothing', 'lib/a'])('guesses nothing where %j could be anything', async (path) => {
    const files = { 'lib/b/index.js': '', 'lib/c/index.js': '' }
    expect(await hint(files, stat(`COPY ${path} /x`, path))).toMatch(/not to the Dockerfile\.$/)
  })

  it('says so where the nearest path is left out by the ignore file', async () => {
    const files = { '.dockerignore': '*.md\npackage*\n', 'package.json': '' }
    expect(await hint(files, stat('COPY packag.json /x', 'packag.json'))).toMatch(
      /not to the Dockerfile\. Did you mean "package\.json"\? "package\.json" is excluded from the context by line 2 of \.dockerignore; `!package\.json` below it includes it again\.$/,
    )
  })

  it('names none that lies behind a link', async () => {
    const context = contextOf({ Dockerfile: '' })
    symlinkSync('/etc', join(context, 'outside'))
    const source = { context, file: join(context, 'Dockerfile') }
    expect(await hintForMissing({ path: 'OUTSIDE/passwd', ignored: false }, source)).toMatch(/not to the Dockerfile\.$/)
  })

  it.each([
    ['.dockerignore', '# secrets\n*.log\n*.env\n!ok.env\n', 3],
    ['.containerignore', '*\n!src\n*.env\n', 1],
    ['Dockerfile.dockerignore', '!*.env\nsecret.*\n', 2],
  ])('names the line of %s that leaves a path out', async (name, text, line) => {
    expect(await hint({ [name]: text, 'secret.env': '' }, ignored('COPY secret.env /x', 'secret.env', name))).toBe(
      `"secret.env" is excluded from the context by line ${line} of ${name}; \`!secret.env\` below it includes it again.`,
    )
  })

  it('of a wildcard, says what it can', async () => {
    expect(await hint({ '.dockerignore': 'a.env\n' }, ignored('COPY *.env /x/', '*.env'))).toBe(
      'Everything that "*.env" matches is excluded from the context by its ignore file.',
    )
  })

  it('says nothing where something else failed', async () => {
    expect(await hint({}, fromStage)).toBeUndefined()
  })
})
