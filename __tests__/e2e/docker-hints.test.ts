import { afterAll, describe, expect, jest } from '@jest/globals'

import { fail } from '../harness/clean-step.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import { type Files, removeFolders } from '../harness/folders.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'

jest.setTimeout(180_000)

const docker = await useDocker()
afterAll(removeFolders)

const ways = casesOfSet<DockerWay>(
  ['buildx', 'buildx-docker', 'docker-build', 'classic'],
  (way) => way === 'docker-build',
)

describe.each(ways)('with %s, the error', (way) => {
  const testHere = testUnless(dockerReason(way))
  const errorOf = async (workspace: Files) => {
    const step = await fail({ workspace, inputs: { engine: 'docker', cache: 'off' }, env: docker.environment(way) })
    return { ...step, mark: /^::error file=(.*?),line=(\d+)::/m.exec(step.log)?.slice(1) }
  }

  testHere('of a COPY that finds nothing names what is spelled alike', async () => {
    const Dockerfile = 'FROM scratch\n\nCOPY src/sever.js /srv/\n'
    const { error, mark } = await errorOf({ Dockerfile, 'src/server.js': '' })
    expect(mark).toStrictEqual(['Dockerfile', '3'])
    expect(error).toMatch(/\nThe context has no "src\/sever\.js".* Is "src\/server\.js" meant\?$/)
  })

  testHere('of a COPY that is ignored names the line of the ignore file', async () => {
    // The classic builder refuses any other, which the others get a copy of.
    const file = way === 'classic' ? '.dockerignore' : '.containerignore'
    const Dockerfile = 'FROM scratch\nCOPY secret.env /srv/\n'
    const { error, mark } = await errorOf({ Dockerfile, 'secret.env': '', [file]: '# no secrets\n*.env\n' })
    expect(mark).toStrictEqual(['Dockerfile', '2'])
    expect(error).toContain(`\n"secret.env" is left out of the context by line 2 of ${file}; `)
  })

  testHere('of a COPY from another stage says nothing of the context', async () => {
    const Dockerfile = 'FROM scratch AS first\nCOPY one /one\nFROM scratch\nCOPY --from=first two /two\n'
    const { error } = await errorOf({ Dockerfile, one: '' })
    expect(error).toMatch(/two/)
    expect(error).not.toContain('The context has')
  })
})
