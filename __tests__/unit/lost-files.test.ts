import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { findLostFiles } from '../../src/lost-files.js'
import { copiesIn } from '../../src/surroundings.js'
import { inputsOf, temporaryFolder } from './helpers.js'

const files = ['main.go', 'README.md', 'cmd/main.go', 'cmd/x.txt', 'cmd/sub/deep.go', 'pkg/p.go']

/** What is lost, by its line, of a context of these files with such an ignore file. */
async function lostIn(ignore: string, ...steps: string[]): Promise<Record<number, readonly string[]>> {
  const context = temporaryFolder()
  for (const path of files) {
    mkdirSync(join(context, dirname(path)), { recursive: true })
    writeFileSync(join(context, path), path)
  }
  const file = join(context, 'Dockerfile')
  const text = ['FROM scratch', ...steps].join('\n')
  writeFileSync(file, text)
  writeFileSync(join(context, '.dockerignore'), ignore)
  const source = { context, file, dockerfile: parseDockerfile(text), target: undefined }
  const lost = await findLostFiles(source, copiesIn(inputsOf({}), source, {}))
  return Object.fromEntries(lost.map(({ line, paths }) => [line, paths]))
}

// All of these are as Buildah 1.28.2, 1.33.7 and 1.43.2 do it.
describe('findLostFiles', () => {
  const all = ['cmd/main.go', 'cmd/sub/deep.go', 'pkg/p.go']

  it.each([
    ['**\n!**/*.go', all],
    ['*\n!**/*.go', all],
    ['**\n!cmd/**/*.go', ['cmd/sub/deep.go']],
    ['**\n!**/deep.go', ['cmd/sub/deep.go']],
    ['cmd\n!**/*.go', ['cmd/main.go', 'cmd/sub/deep.go']],
    ['cmd\n!cmd/*.go\n!**/deep.go', ['cmd/sub/deep.go']],
    ['**/cmd\n!**/deep.go', ['cmd/sub/deep.go']],
  ])('%j', async (ignore, expected) => {
    expect(await lostIn(ignore, 'COPY . /c/')).toStrictEqual({ 2: expected })
  })

  it.each([
    ['**\n!cmd/main.go'],
    ['**\n!*.go\n!cmd'],
    ['cmd\n!cmd/*.go'],
    ['**\n!cm*\n!pkg'],
    ['cmd\npkg'],
    ['*.md\n!README.md'],
    [''],
    // Not all engines read it alike.
    ['**\n!**/*.[g]o'],
  ])('nothing is lost by %j', async (ignore) => {
    expect(await lostIn(ignore, 'COPY . /c/')).toStrictEqual({})
  })

  it('goes by what an instruction copies', async () => {
    const steps = [
      'COPY cmd/sub /c/',
      'COPY cmd/main.go /c/',
      'COPY c* /c/',
      'COPY --from=x . /c/',
      'RUN x',
      'ADD . /a/',
    ]
    expect(await lostIn('cmd\n!**/main.go', ...steps)).toStrictEqual({ 4: ['cmd/main.go'], 7: ['cmd/main.go'] })
    expect(await lostIn('**\n!**/deep.go', 'COPY cmd/sub/deep.go /c/', 'COPY cmd/s* /c/')).toStrictEqual({
      3: ['cmd/sub/deep.go'],
    })
  })
})
