import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { BaseSettings } from '../../../../src/pipeline/prepare/base-settings.js'
import { tellChecks } from '../../../../src/pipeline/prepare/checks.js'
import type { Source } from '../../../../src/source/source.js'
import { fakeTraits } from '../../engine/fake-engine.js'
import { inputsOf, logOf, rejection, temporaryFolder } from '../../helpers.js'

interface Told {
  readonly log: string
  /** How often base images were asked for their settings. */
  readonly asked: number
}

interface Asked {
  readonly inputs?: Readonly<Record<string, string>>
  readonly printsChecks?: boolean
  /** Of the image `a`. */
  readonly config?: object
  readonly ignore?: string
  readonly name?: string
}

async function tell(text: string, asked: Asked = {}): Promise<Told> {
  const workspace = temporaryFolder()
  const file = join(workspace, asked.name ?? 'Dockerfile')
  writeFileSync(file, text)
  const ignoreFile = asked.ignore === undefined ? {} : { ignoreFile: { path: '/x', text: asked.ignore } }
  const source: Source = {
    context: workspace,
    file,
    dockerfile: parseDockerfile(text),
    target: undefined,
    ...ignoreFile,
  }
  const engine = { env: {}, traits: fakeTraits({ printsChecks: asked.printsChecks ?? false }) }
  let count = 0
  const settings = (): Promise<BaseSettings> => {
    count += 1
    const known = [[{ name: 'a', platform: undefined }, { config: asked.config }] as const]
    return Promise.resolve(new Map(asked.config === undefined ? [] : known))
  }
  const log = await logOf(() =>
    tellChecks({ inputs: inputsOf(asked.inputs ?? {}), source }, engine, settings, { workspace }),
  )
  return { log, asked: count }
}

const marksIn = (log: string) => log.match(/^::warning .*?(?=::)/gm) ?? []
const mark = (rule: string, line: number) => `::warning title=${rule},file=Dockerfile,line=${line}`

describe('checks', () => {
  it('are told at their lines, and ask for base images only where these decide', async () => {
    const sure = await tell('FROM a\nARG TOKEN\nCOPY x.log /\n', { ignore: '*.log\n' })
    expect(marksIn(sure.log)).toStrictEqual([mark('SecretsUsedInArgOrEnv', 2), mark('CopyIgnoredFile', 3)])
    expect(sure.asked).toBe(0)
    const text = 'FROM a\nENV X=$Y\nCMD x\n'
    const known = await tell(text, { config: { Env: ['Z=1'] } })
    expect(marksIn(known.log)).toStrictEqual([mark('UndefinedVar', 2), mark('JSONArgsRecommended', 3)])
    expect(known.asked).toBe(1)
    expect((await tell(text)).log).toBe('')
    expect((await tell(text, { config: { Env: ['Y=1'], Shell: ['/bin/sh', '-c'] } })).log).toBe('')
  })

  it('mark ten lines, and tell the others in the log', async () => {
    const lines = Array.from({ length: 12 }, (_, index) => `ARG A${index}_TOKEN`)
    const { log } = await tell(`FROM a\n${lines.join('\n')}\n`)
    expect(marksIn(log)).toHaveLength(10)
    expect(log).toContain('Checks: 2 more findings:\nDockerfile line 12: ARG A10_TOKEN looks like a secret')
  })

  it.each<[string, string, Asked]>([
    ['off', 'FROM a\nARG TOKEN\n', { inputs: { checks: 'off' } }],
    ['where the engine prints its own', 'FROM a\nARG TOKEN\n', { printsChecks: true }],
    ['where a preprocessor comes first', 'FROM a\nARG TOKEN\n', { name: 'Dockerfile.in' }],
    ['where nothing is found', 'FROM a\nCMD ["x"]\n', { inputs: { checks: 'error' } }],
    [
      'skipped by a build argument',
      'FROM a\nARG TOKEN\n',
      { inputs: { 'build-args': 'BUILDKIT_DOCKERFILE_CHECK=skip=all' } },
    ],
  ])('are silent %s', async (_, text, asked) => {
    expect(await tell(text, asked)).toStrictEqual({ log: '', asked: 0 })
  })

  it('are errors where the input or the Dockerfile says so', async () => {
    for (const [text, inputs] of [
      ['FROM a\nARG TOKEN\n', { checks: 'error' }],
      ['# check=error=true\nFROM a\nARG TOKEN\n', {}],
    ] as const) {
      const error = await rejection(tell(text, { inputs }))
      expect(error.message).toContain('Input "checks": findings are errors')
      expect(error.message).toContain('(SecretsUsedInArgOrEnv)')
      expect(error.hint).toContain('`# check=skip=SecretsUsedInArgOrEnv`')
      expect(error.place?.line).toBe(text.split('\n').length - 1)
    }
  })
})
