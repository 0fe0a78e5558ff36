import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { quietHelpers } from '../../../../src/engine/buildah/quiet-helpers.js'
import type { WorkDir } from '../../../../src/engine/work-dir.js'
import { attempt } from '../../../../src/exec.js'
import { temporaryFolder } from '../../helpers.js'

/** A folder whose PATH has a helper that says what is secret. */
function folderWith(place: string): WorkDir {
  const programs = join(temporaryFolder(), place)
  mkdirSync(programs)
  const helper = join(programs, 'docker-credential-loud')
  writeFileSync(helper, '#!/bin/sh\necho "hunter22" >&2\necho "$# $*"\ncat\nexit 3\n')
  chmodSync(helper, 0o755)
  const buildUser = { name: 'me', uid: 1000, gid: 1000, home: '/home/me', prefix: [], reason: '' }
  return { path: temporaryFolder(), buildUser, env: { PATH: `${programs}:/usr/bin:/bin` } }
}

describe('a credential helper', () => {
  it.each(['plain', "it's a $HOME"])('in a folder %j says nothing, and is the same else', async (place) => {
    const folder = folderWith(place)
    const env = { ...folder.env, ...(await quietHelpers(folder, { auths: {}, credHelpers: { host: 'loud' } })) }
    const { exitCode, stdout, stderr } = await attempt(['/usr/bin/env', 'docker-credential-loud', 'get', 'a b'], {
      ...{ env, input: 'host' },
    })
    expect([exitCode, stdout, stderr]).toStrictEqual([3, '2 get a b\nhost', ''])
  })

  it.each([
    ['nobody names', {}],
    ['has no such name', { host: '../loud' }],
  ])('that %s changes nothing but that no other logins are read', async (_, credHelpers) => {
    const folder = folderWith('plain')
    const { DOCKER_CONFIG = '', PATH } = await quietHelpers(folder, { auths: {}, credHelpers })
    expect(PATH).toBeUndefined()
    expect(readFileSync(join(DOCKER_CONFIG, 'config.json'), 'utf8')).toBe('{}\n')
  })

  it('that is missing is left to Buildah', async () => {
    const folder = folderWith('plain')
    const { PATH = '' } = await quietHelpers(folder, { auths: {}, credHelpers: { host: 'missing' } })
    const { exitCode } = await attempt(['/usr/bin/env', 'docker-credential-missing', 'get'], { env: { PATH } })
    expect(exitCode).toBe(127)
  })
})
