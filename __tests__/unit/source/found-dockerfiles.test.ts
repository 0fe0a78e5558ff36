import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from '@jest/globals'
import { likelyDockerfile } from '../../../src/source/found-dockerfiles.js'
import { temporaryFolder } from '../helpers.js'

it.each([
  ['a misspelled one', 'docker/Dockerfle', ['Dockerfile', 'docker/Dockerfile'], 'docker/Dockerfile'],
  ['one in another case', 'dockerfile', ['Dockerfile', 'web/Dockerfile'], 'Dockerfile'],
  ['the only one', 'build/web', ['web/web.Dockerfile', 'web/main.go'], 'web/web.Dockerfile'],
  ['the only one where none is named', undefined, ['web/Dockerfile'], 'web/Dockerfile'],
  ['none of several', 'build/web', ['web/Dockerfile', 'api/Dockerfile'], undefined],
  ['none of a dependency', undefined, ['node_modules/Dockerfile', 'main.go'], undefined],
])('finds %s', async (_, file, there, found) => {
  const folder = temporaryFolder()
  for (const name of there) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), '')
  }
  expect(await likelyDockerfile(file, folder)).toBe(found)
})
