import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { describe, expect, jest } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import type { Wish } from '../harness/engines.js'
import { contentOf } from '../harness/image-content.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()

/**
 * It says where and as whom it runs, and what it was given; it wants no other argument than these. On a busy machine, Buildah
 * 1.28 loses what a program in a chroot prints right before it ends.
 */
const WEB = `#!/bin/sh
echo "$COLOR $(pwd) $(id -u) <$1> <$2>"
sleep 1
[ "$1" != --broken ]
`
const LINES = ['COPY --chmod=755 web /bin/web', 'ENV COLOR=blue', 'WORKDIR /srv', 'ENTRYPOINT ["/bin/false"]']
const PASSES = "web --version 'two words'\nsh -c 'test -x /bin/web && test ! -e /made && touch /made'\ntest ! -e /made"

/** What the registry has under a name. */
async function tagsOf(name: string): Promise<readonly string[]> {
  const answer = await fetch(`http://${place.registry}/v2/acme/${name}/tags/list`)
  const { tags } = (await answer.json()) as { tags?: string[] | null }
  return [...(tags ?? [])].sort()
}

describeEngines('with $name', ({ version, wish, testEach, testOne }) => {
  const name = `tested-${version.replaceAll('.', '-')}`
  const job = (inputs: Record<string, string>, own: Wish = wish()) =>
    place.job(name, LINES, { files: { web: WEB }, inputs: { unchanged: 'skip', ...inputs } }, own)

  testEach('commands run in containers of the image', async () => {
    const first = await succeed(job({ tags: '1', test: PASSES }))
    expect(first.log).toContain('\nblue /srv 0 <--version> <two words>\n')
    expect(first.summary).toContain('- **Test:** 3 commands passed\n')
    expect(first.summary).toContain('section test\n')
  })

  testOne('an image that has passed them is reused, and nothing is pushed that fails one of them', async () => {
    const second = await succeed(job({ tags: '2', test: PASSES }))
    expect(second.outputs['built']).toBe('false')
    const third = await fail(job({ tags: '3', test: `${PASSES}\nweb --broken` }))
    expect(third.error).toContain('Input "test": `web --broken` failed; nothing was pushed.')
    expect(third.error).toMatch(/ended with exit code 1:\n(?: {2}.*\n)*? {2}blue \/srv 0 <--broken> <>\n/)
    expect(await tagsOf(name)).toStrictEqual(['1', '2'])
  })

  testOne('a command that goes on is ended at the limit, with all that it has started', async () => {
    const test = `sh -c 'trap "" TERM; sleep 987 & sleep 987; sleep 987'`
    const { error } = await fail(job({ tags: '4', test, 'test-timeout': '3s' }))
    expect(error).toContain('Input "test": the commands took longer than 3s, the limit of `test-timeout`')
    expect(await tagsOf(name)).not.toContain('4')
  })
})

describe.each(casesOfSet<DockerWay>(['buildx', 'buildx-docker'], (way) => way === 'buildx'))('Docker, %s', (way) => {
  const testDocker = testUnless(dockerReason())

  testDocker('pushes the image that was tested, though another build would give another', async () => {
    const name = `tested-${way}`
    let asked = 0
    const server = createServer((_, response) => response.end(`answer ${(asked += 1)}\n`))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const lines = [...LINES, `ADD http://127.0.0.1:${(server.address() as AddressInfo).port}/file /file`]
    const job = (inputs: Record<string, string>) =>
      place.job(name, lines, {
        ...{ files: { web: WEB }, as: 'root', env: docker.environment(way) },
        inputs: { engine: 'docker', network: 'none', ...inputs },
      })
    try {
      const first = await succeed(job({ test: `${PASSES}\ncat /file`, outputs: 'type=docker,dest=web.tar' }))
      const [, tested] = /^(answer \d+)$/m.exec(first.log) ?? []
      expect(first.log).toContain('\nblue /srv 0 <--version> <two words>\n')
      const pushed = await place.pull(name)
      expect(contentOf(pushed, 'file').toString()).toBe(`${String(tested)}\n`)
      expect(pushed.manifest.config.digest).toBe(first.outputs['imageid'])
      expect(pushed.digest).toBe(first.outputs['digest'])
      const { error } = await fail(job({ tags: 'other', test: 'web --broken' }))
      expect(error).toContain('Input "test": `web --broken` failed; nothing was pushed.')
      expect(await tagsOf(name)).toStrictEqual(['latest'])
      expect(await docker.run('ps', '--all', '--quiet')).toBe('')
    } finally {
      server.close()
    }
  })
})
