import { createServer, type Server } from 'node:http'

import { afterAll, beforeAll, expect, jest } from '@jest/globals'

import { debianImage } from '../harness/base-image.js'
import { fail } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import type { Files } from '../harness/folders.js'
import { close, listen } from '../harness/loopback.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()

/** A mirror whose list has a package that it has no file of, as one has it whose list is old. */
const lists =
  'Package: hello-old\nVersion: 1.0\nArchitecture: all\nMaintainer: me <me@example.org>\n' +
  `Filename: ./hello-old_1.0_all.deb\nSize: 1000\nSHA256: ${'0'.repeat(64)}\nDescription: gone\n\n`
let mirror: Server | undefined
let mirrorHost = ''
beforeAll(async () => {
  mirror = createServer(({ url }, answer) => {
    if (url === '/./Packages') answer.end(lists)
    else answer.writeHead(404).end()
  })
  mirrorHost = await listen(mirror)
})
afterAll(async () => {
  if (mirror !== undefined) await close(mirror)
})

describeEngines('with $name, the error', ({ wish, testEach, testOne }) => {
  const errorOf = async (files: Files) => {
    const { inputs, ...more } = wish()
    // By chroot, a step reaches what listens on this machine.
    const all = { ...inputs, isolation: 'chroot', cache: 'off' }
    const env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) }
    const step = await fail({ ...more, inputs: all, workspace: files, env })
    return { ...step, mark: /^::error file=(.*?),line=(\d+)::/m.exec(step.log)?.slice(1) }
  }

  testEach('of a COPY that finds nothing names what is spelled alike, with the command', async () => {
    const Dockerfile = `FROM ${base}\n\nCOPY SRC/server.js /srv/\n`
    const { error, mark } = await errorOf({ Dockerfile, 'src/server.js': '' })
    expect(mark).toStrictEqual(['Dockerfile', '3'])
    expect(error).toContain('COPY SRC/server.js /srv/')
    expect(error).toMatch(/\nThe context has no "SRC\/server\.js".* Did you mean "src\/server\.js"\?$/)
  })

  testOne('of a COPY that is ignored names the line of the ignore file', async () => {
    const Dockerfile = `FROM ${base}\nCOPY secret.env /srv/\n`
    const { error, mark } = await errorOf({ Dockerfile, 'secret.env': '', '.dockerignore': '# no secrets\n*.env\n' })
    expect(mark).toStrictEqual(['Dockerfile', '2'])
    expect(error).toMatch(/\n"secret\.env" is excluded from the context by line 2 of \.dockerignore; /)
  })

  testOne('of a host without an address says so, with the last lines of the step', async () => {
    const Dockerfile = `FROM ${base}\nRUN echo before; wget http://no-such-host.invalid/\n`
    const { error, mark } = await errorOf({ Dockerfile })
    expect(mark).toStrictEqual(['Dockerfile', '2'])
    expect(error).toContain("\n  wget: bad address 'no-such-host.invalid'\n")
    expect(error).toContain('"RUN echo before; wget http://no-such-host.invalid/"')
    expect(error).toMatch(/\nA program of the step can't resolve a host name\..*$/)
  })

  exhaustively(testEach)('of a package that the mirror has no more says that the lists are old', async () => {
    const debian = await debianImage(registry.host)
    const prepare = [
      `echo 'deb [trusted=yes] http://${mirrorHost}/ ./' > /etc/apt/sources.list`,
      `echo 'Acquire::http::Proxy::127.0.0.1 "DIRECT";' > /etc/apt/apt.conf.d/99direct`,
      'rm -f /etc/apt/sources.list.d/*',
    ]
    const Dockerfile = `FROM ${debian}\nRUN ${prepare.join('; ')}; apt-get update\nRUN apt-get install --yes hello-old\n`
    const { error, mark } = await errorOf({ Dockerfile })
    expect(mark).toStrictEqual(['Dockerfile', '3'])
    expect(error).toMatch(/E: Failed to fetch \S+hello-old_1\.0_all\.deb {2}404 {2}Not Found/)
    expect(error).toMatch(/\nThe package lists are older than the mirror: /)
  })
})
