import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { UserError } from '../../../src/errors.js'
import { CommandError } from '../../../src/exec.js'
import { formatPlatform, nativePlatform } from '../../../src/lib/platform.js'
import { outputsOf } from '../../../src/pipeline/outputs.js'
import { run } from '../../../src/pipeline/run.js'
import { type Books, hasPushed, openBooks, resultSoFar } from '../../../src/pipeline/run-record.js'
import { failureSummaryOf } from '../../../src/pipeline/summary.js'
import { fakeCaches } from '../cache/fake-cache.js'
import { type FakeEngineOptions, fakeEngines } from '../engine/fake-engine.js'
import { contextOf, inputsOf, logOf, rejection, temporaryFolder } from '../helpers.js'
import { fakeRegistries, type FakeRegistries } from '../registry/fake-registries.js'
import { servicesOf } from './services.js'

const native = formatPlatform(nativePlatform())
const other = 'linux/s390x'
const name = 'h.example/acme/web'
const no = (): Promise<never> => Promise.reject(new UserError('No.', 'Mend it.'))

let workspace: string
let registries: FakeRegistries
let books: Books
beforeEach(() => {
  workspace = temporaryFolder()
  mkdirSync(join(workspace, 'temp'))
  writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\nENV A=1\nENV B=2\n')
  registries = fakeRegistries()
})

/** A run that fails. */
async function failing(values: Readonly<Record<string, string>>, engine: FakeEngineOptions = {}): Promise<Error> {
  let error: Error | undefined
  await logOf(async () => {
    const services = servicesOf({
      ...{ engines: fakeEngines({ ...engine, registries }), caches: fakeCaches(), registries: registries.client },
    })
    books = openBooks(services)
    const idTokens = { url: 'https://127.0.0.1:1/', token: 'x' } as never
    const context = contextOf({ workspace, temp: join(workspace, 'temp'), uid: process.getuid?.() ?? 0, idTokens })
    const inputs = inputsOf({ images: name, tags: '1\n2', push: 'true', 'tls-verify': 'false', ...values })
    error = await rejection(run(inputs, context, services, books))
  })
  if (error === undefined) throw new Error('it succeeded')
  return error
}

/** What `main` writes of it. */
function outputs() {
  const result = resultSoFar(books)
  return result !== undefined && hasPushed(result) ? outputsOf(result) : undefined
}

describe('the outputs of a step that fails', () => {
  it('are those of what was pushed, where it wasn’t attested', async () => {
    registries.setReferrersApi(false)
    const error = await failing({ attest: 'true', 'github-token': 'x' })
    expect(error.message).toContain('Input "attest": pushed, but not attested')
    const digest = outputs()?.digest ?? ''
    expect(digest).toMatch(/^sha256:/)
    expect(outputs()).toMatchObject({
      ...{ built: true, tags: `${name}:1\n${name}:2`, version: '1', engine: 'buildah', 'engine-version': '1.43.2' },
      pushed: [
        { reference: `${name}:1`, digest },
        { reference: `${name}:2`, digest },
      ],
      'platform-digests': { [native]: digest },
    })
  })

  it('are the same where the image can’t be loaded after the push', async () => {
    await failing({ load: 'true' }, { load: no })
    expect(outputs()).toMatchObject({ built: true, pushed: [{}, {}], imageid: expect.stringMatching(/^sha256:/) })
    expect(outputs()?.digest).toMatch(/^sha256:/)
    expect(Object.keys(outputs()?.['platform-digests'] ?? {})).toStrictEqual([native])
  })

  it('name what of a push has arrived', async () => {
    await failing({}, { push: ({ tag }) => (tag === '2' ? no() : Promise.resolve()) })
    expect(outputs()?.pushed.map(({ reference }) => reference)).toStrictEqual([`${name}:1`])
  })

  it('are the digests of platforms, and no other, where one of them fails', async () => {
    const build: FakeEngineOptions['build'] = ({ inputs: { platforms } }) =>
      platforms.map(formatPlatform).includes(other) ? no() : Promise.resolve()
    await failing({ platforms: `${native},${other}` }, { build })
    expect(outputs()).toMatchObject({ digest: '', pushed: [], joined: false })
    expect(Object.keys(outputs()?.['platform-digests'] ?? {})).toStrictEqual([native])
  })

  it('are none where nothing was pushed', async () => {
    await failing({}, { build: no })
    expect(outputs()).toBeUndefined()
  })
})

describe('the summary of a step that fails', () => {
  const output =
    'STEP 1/3: FROM scratch\nSTEP 2/3: ENV A=1\n--> abc\nSTEP 3/3: RUN x\n\u001B[31msh: x: not found\u001B[0m\n'
  const broken = () =>
    Promise.reject(
      new UserError('The build failed.', 'Install x.', {
        cause: new CommandError(['/usr/bin/buildah', 'build'], 127, output),
        place: { file: join(workspace, 'Dockerfile'), line: 3 },
      }),
    )

  it('shows where it failed, and the end of what the build step printed', async () => {
    const error = await failing({}, { build: broken })
    const text = failureSummaryOf(error, books, workspace, [])
    expect(text).toContain('### Build failed\n\n`The build failed.`\n\n- **Line:** 3 of `Dockerfile`\n- **Engine:** ')
    expect(text).toContain(
      '```text\nbuildah build ended with exit code 127:\nSTEP 3/3: RUN x\nsh: x: not found\n```\n\n**What to do:** `Install x.`\n',
    )
    expect(text).toMatch(/\n {2}section build\n.*:crit, .*\n {4}1 FROM scratch :active, .*\n {4}2 ENV A=1/)
  })

  it('shows of which platform it is', async () => {
    const build: FakeEngineOptions['build'] = ({ inputs: { platforms } }) =>
      platforms.map(formatPlatform).includes(other) ? broken() : Promise.resolve()
    const error = await failing({ platforms: `${native},${other}` }, { build })
    expect(failureSummaryOf(error, books, workspace, [])).toContain(`### Build failed (${other})\n`)
  })

  it('before the build is the error alone', async () => {
    const error = await failing({ target: 'nowhere' })
    const text = failureSummaryOf(error, books, workspace, ['Careful.'])
    expect(text).toMatch(/^### The step failed\n\n`Input "target": got "nowhere".*`\n\n\*\*What to do:\*\*/)
    expect(text).toMatch(/#### Warnings\n\n- `Careful\.`\n$/)
    expect(failureSummaryOf('nonsense', openBooks({ clock: () => 0 }), '/w', [])).toBe(
      '### The step failed\n\n`nonsense`\n',
    )
  })
})
