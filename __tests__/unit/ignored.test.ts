import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { findIgnoreFile, readIgnored } from '../../src/ignored.js'
import { temporaryFolder } from './helpers.js'

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
