import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { findIgnoreFile, readIgnored } from '../../../src/source/ignored-files.js'
import { temporaryFolder } from '../helpers.js'

/** A context with these ignore files, each of which leaves out what is called as it is. */
function placeWith(...names: readonly string[]): { context: string; file: string } {
  const context = join(temporaryFolder(), 'context')
  mkdirSync(join(context, 'docker'), { recursive: true })
  for (const name of names) writeFileSync(join(context, name), name)
  return { context, file: join(context, 'docker/Dockerfile') }
}

const [own, ownDocker] = ['docker/Dockerfile.containerignore', 'docker/Dockerfile.dockerignore']
const [all, allDocker] = ['.containerignore', '.dockerignore']

describe('the ignore file that is taken', () => {
  it.each([
    [[own, ownDocker, all, allDocker], own, ownDocker],
    [[ownDocker, all, allDocker], ownDocker, ownDocker],
    [[own, all, allDocker], own, allDocker],
    [[all, allDocker], all, allDocker],
    [[allDocker], allDocker, allDocker],
    [[all], all, undefined],
    [['docker/.dockerignore'], undefined, undefined],
  ])('of %j is %j for Buildah, %j for Docker', async (names, buildah, docker) => {
    const place = placeWith(...names)
    const taken = async (engine?: 'buildah' | 'docker') => (await findIgnoreFile(place, engine))?.text
    expect([await taken('buildah'), await taken('docker')]).toStrictEqual([buildah, docker])
    expect(await taken()).toBe(buildah)
    const ignores = await readIgnored(place)
    expect(names.filter((name) => ignores(name))).toStrictEqual(buildah === undefined ? [] : [buildah])
  })
})

describe('what is left out', () => {
  const ignoresOf = async (text: string) => {
    const context = temporaryFolder()
    writeFileSync(join(context, '.dockerignore'), text)
    return await readIgnored({ context, file: join(context, 'Dockerfile') })
  }

  it.each<[text: string, path: string, ignored: boolean, surely: boolean]>([
    ['a', 'a', true, true],
    ['a', 'a/b', true, true],
    ['a', 'A', false, false],
    ['README.md', 'readme.md', false, false],
    ['**/charts', 'src/Charts/Pie.cs', false, false],
    ['**/charts', 'src/charts/Pie.cs', true, true],
    ['??.txt\n!?.txt', '🙂.txt', false, false],
    ['??.txt\n!?.txt', '🙂🙂.txt', true, true],
    ['\\a.txt', 'a.txt', false, false],
    // A dot is any character but a line feed to Go, and to JavaScript none of four.
    ['*\n!**/x', 'a\u2028b/x', false, false],
    ['*\n!**/x', 'a\rb/x', false, false],
    ['a', 'a/b\u2028c', true, true],
    ['  /a', 'a', true, true],
    ['a\n!a/b', 'a/b/c', false, false],
    ['a\n!a/b\na/b/c', 'a/b/c', true, true],
    // Engines may read these each in a way of its own.
    ['[ab]', 'a', true, false],
    ['a+b', 'a+b', false, false],
    ['a\n[b]', 'a', true, true],
    ['a\n![b]', 'a', true, false],
    ['a\n![b]\na', 'a', true, true],
    ['[a]\n!a', 'a', false, false],
  ])('%j leaves out %s: %s, with every engine: %s', async (text, path, ignored, surely) => {
    const ignores = await ignoresOf(text)
    expect([ignores(path), (ignores.surely ?? ignores)(path)]).toStrictEqual([ignored, surely])
  })

  it.each([
    ['a\n!b', undefined],
    ['[ab]\nc', '[ab]\nc\n'],
    ['a+', 'a+\n'],
  ])('%j is as a whole what counts where engines differ: %j', async (text, ambiguous) => {
    expect((await ignoresOf(text)).ambiguous).toBe(ambiguous)
  })

  it('can’t be told of a name with a line break, which engines read each in a way of its own', async () => {
    const { surely } = await ignoresOf('*\n!**/x')
    expect(() => surely?.('a\nb/x')).toThrow('"a\\nb/x" has a line break in its name')
  })

  it('is not known where the file can’t be read', async () => {
    const context = temporaryFolder()
    mkdirSync(join(context, '.dockerignore'))
    await expect(readIgnored({ context, file: join(context, 'Dockerfile') })).rejects.toThrow("can't be read")
  })
})
