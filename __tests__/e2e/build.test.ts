import { createHash } from 'node:crypto'

import { describe, expect, jest, test } from '@jest/globals'

import { formatPlatform, nativePlatform } from '../../src/lib/platform.js'
import { debianImage } from '../harness/base-image.js'
import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles, pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base: busybox } = await useRegistry()

describeEngines('with $name', ({ version, wish, testEach, testOne }) => {
  /** A push of one image, as most workflows have it, and what these inputs add. */
  const step = (workspace: Record<string, string>, inputs: Record<string, string> = {}): StepOptions => {
    const requested = wish()
    const push = { images: `${registry.host}/acme/web`, push: 'true', 'tls-verify': 'false' }
    return { ...requested, workspace, inputs: { ...push, ...requested.inputs, ...inputs } }
  }

  const pulled = (tag = 'latest') => pullImage(`${registry.host}/acme/web:${tag}`)

  testEach('the outputs say what the registry holds', async () => {
    const dockerfile = `FROM ${busybox}\nCOPY hello /srv/hello\nENV GREETING=hello\nCMD ["/bin/cat", "/srv/hello"]\n`
    const { outputs, log } = await succeed(step({ Dockerfile: dockerfile, hello: 'hello\n' }, { tags: '1.2.3\n1.2' }))
    // Free at the start, and what the build took.
    expect(log).toMatch(/^Disk: [\d.]+ .?B free\n[^]*^Disk: .+; [\d.]+ .?B free$/m)
    const [image, other] = [await pulled('1.2.3'), await pulled('1.2')]
    const references = [`${registry.host}/acme/web:1.2.3`, `${registry.host}/acme/web:1.2`]
    expect(other.digest).toBe(image.digest)
    expect(image.config.config).toMatchObject({ Cmd: ['/bin/cat', '/srv/hello'] })
    expect(image.config.config?.Env).toContain('GREETING=hello')
    expect(image.manifest.mediaType).toBe('application/vnd.oci.image.manifest.v1+json')
    const { 'cache-stats': stats, 'storage-conf': storageConf, labels, annotations, json, ...others } = outputs
    expect(labels).toContain('org.opencontainers.image.version=1.2.3')
    expect(annotations).toContain('manifest:org.opencontainers.image.version=1.2.3')
    expect(parsed(json)).toMatchObject({ tags: references, 'tag-names': ['1.2.3', '1.2'] })
    expect(parsed(stats)).toMatchObject({ 'steps-hit': 0, 'steps-missed': 3 })
    expect(storageConf).toMatch(/\/storage\.conf$/)
    expect({ ...others, metadata: parsed(outputs['metadata']), pushed: parsed(outputs['pushed']) }).toStrictEqual({
      built: 'true',
      imageid: image.manifest.config.digest,
      digest: image.digest,
      tags: references.join('\n'),
      version: '1.2.3',
      'tag-names': '1.2.3\n1.2',
      metadata: {
        'containerimage.config.digest': image.manifest.config.digest,
        'containerimage.digest': image.digest,
        'image.name': references.join(','),
      },
      pushed: references.map((reference) => ({ reference, digest: image.digest, registry: registry.host })),
      'platform-digests': JSON.stringify({ [formatPlatform(nativePlatform())]: image.digest }),
      joined: 'false',
      engine: 'buildah',
      'engine-version': version,
      rootless: 'true',
      'cache-hit': 'none',
    })
  })

  testOne('files come as the Dockerfile made them, with their modes and owners', async () => {
    const dockerfile = `FROM ${busybox}
COPY --chown=7:8 --chmod=640 one /srv/one
COPY two /srv/two
RUN echo made > /srv/made && chown 1234:5678 /srv/made && chmod 4751 /srv/made && ln -s made /srv/link
RUN mkdir /srv/sticky && chmod 1777 /srv/sticky && rm /srv/two
`
    await succeed(step({ Dockerfile: dockerfile, one: 'one', two: 'two' }))
    const image = await pulled()
    const files = imageFiles(image)
    expect(files.get('srv/one')).toMatchObject({ type: 'file', mode: 0o640, uid: 7, gid: 8, sha256: sha256('one') })
    expect(files.get('srv/made')).toMatchObject({ mode: 0o4751, uid: 1234, gid: 5678, sha256: sha256('made\n') })
    expect(files.get('srv/link')).toMatchObject({ type: 'symlink', linkname: 'made' })
    expect(files.get('srv/sticky')).toMatchObject({ type: 'directory', mode: 0o1777, uid: 0, gid: 0 })
    expect(files.has('srv/two')).toBe(false)
  })

  describe('several stages', () => {
    const dockerfile = `FROM BASE AS Compile
RUN echo compiled > /compiled
FROM BASE AS check
COPY --from=Compile /compiled /checked
FROM BASE
COPY --from=0 /compiled /app/compiled
COPY --from=check /checked /app/checked
`

    const targets = [
      { target: '', has: ['app/compiled', 'app/checked'], lacks: ['compiled', 'checked'] },
      { target: 'COMPILE', has: ['compiled'], lacks: ['checked', 'app/compiled'] },
      { target: 'check', has: ['checked'], lacks: ['compiled', 'app/checked'] },
      { target: '1', has: ['checked'], lacks: ['compiled', 'app/checked'] },
    ]

    for (const { target, has, lacks } of casesOfSet(targets, ({ target }) => target === 'check')) {
      testOne(`target "${target}"`, async () => {
        await succeed(step({ Dockerfile: dockerfile.replaceAll('BASE', busybox) }, { target }))
        const image = await pulled()
        for (const path of has) expect(contentOf(image, path).toString()).toBe('compiled\n')
        expect(lacks.filter((path) => imageFiles(image).has(path))).toStrictEqual([])
      })
    }
  })

  testOne('build args come as they were written', async () => {
    const values = {
      COMMAS: 'a=b,c,=d',
      SPACES: 'in  the   middle # and no comment',
      QUOTES: `say "hi", 'you', \`ls\`, $HOME \${HOME} \\n \\ & <b>`,
      LINES: 'first\nsecond, "third"\n\n  last',
      OUTSIDE: 'from the environment, "quoted"',
    }
    const buildArgs = [
      `COMMAS=${values.COMMAS}`,
      `SPACES=${values.SPACES}`,
      `"QUOTES=${values.QUOTES.replaceAll('"', '""')}"`,
      `"LINES=${values.LINES.replaceAll('"', '""')}"`,
      'OUTSIDE',
      '# no argument',
      'no.variable-name=of a shell',
    ]
    const writing = Object.keys(values).map((name) => `ARG ${name}\nRUN printf %s "$${name}" > /args/${name}\n`)
    // A shell may drop a variable of such a name.
    const printing = 'ARG no.variable-name\nRUN ["env"]\n'
    const dockerfile = `FROM ${busybox}\nRUN mkdir /args\n${writing.join('')}${printing}`
    const options = step({ Dockerfile: dockerfile }, { 'build-args': buildArgs.join('\n') })
    const { log } = await succeed({ ...options, env: { OUTSIDE: values.OUTSIDE } })
    expect(log).toContain('\nno.variable-name=of a shell\n')
    const image = await pulled()
    const written = Object.keys(values).map((name) => [name, contentOf(image, `args/${name}`).toString()])
    expect(Object.fromEntries(written)).toStrictEqual(values)
  })

  testEach('labels and annotations come as they were written', async () => {
    const lines = [
      'org.example.note=see #42, a=b',
      `"org.example.quotes=say ""hi"", 'you' $HOME \\n"`,
      'org.example.url=https://example.com/?a=1&b=2#top',
    ]
    const written = {
      'org.example.note': 'see #42, a=b',
      'org.example.quotes': `say "hi", 'you' $HOME \\n`,
      'org.example.url': 'https://example.com/?a=1&b=2#top',
    }
    const inputs = {
      labels: [...lines, 'org.example.empty='].join('\n'),
      annotations: [...lines, 'manifest:org.example.level=manifest'].join('\n'),
    }
    await succeed(step({ Dockerfile: `FROM ${busybox}\nLABEL org.example.own="of the Dockerfile"\n` }, inputs))
    const { config, manifest } = await pulled()
    const labels = { ...written, 'org.example.empty': '', 'org.example.own': 'of the Dockerfile' }
    expect(config.config?.Labels).toMatchObject(labels)
    expect(manifest.annotations).toMatchObject({ ...written, 'org.example.level': 'manifest' })
  })

  describe('formats', () => {
    const check = 'HEALTHCHECK --interval=5s CMD ["/bin/true"]'
    const docker = 'application/vnd.docker.distribution.manifest.v2+json'
    const oci = 'application/vnd.oci.image.manifest.v1+json'

    testOne('a HEALTHCHECK makes it Docker’s, and the log says why', async () => {
      const { log } = await succeed(step({ Dockerfile: `FROM ${busybox}\n${check}\n` }))
      const { config, manifest } = await pulled()
      expect(manifest.mediaType).toBe(docker)
      expect(config.config?.Healthcheck).toStrictEqual({ Test: ['CMD', '/bin/true'], Interval: 5_000_000_000 })
      expect(log).toContain('Format: docker, to keep HEALTHCHECK in line 2 of the Dockerfile\n')
    })

    exhaustively(testEach)('as the input says: oci drops the HEALTHCHECK', async () => {
      const { log } = await succeed(step({ Dockerfile: `FROM ${busybox}\n${check}\n` }, { format: 'oci' }))
      const { config, manifest } = await pulled()
      expect(manifest.mediaType).toBe(oci)
      expect(config.config?.Healthcheck).toBeUndefined()
      expect(log).not.toContain('Format:')
    })

    exhaustively(testEach)('as the input says: docker without need', async () => {
      await succeed(step({ Dockerfile: `FROM ${busybox}\n` }, { format: 'docker' }))
      expect((await pulled()).manifest.mediaType).toBe(docker)
    })
  })
})

test('a Debian base, and packages that apt-get installs', async () => {
  const debian = await debianImage(registry.host)
  const dockerfile = `FROM ${debian}
RUN apt-get update && apt-get install --yes --no-install-recommends bc && rm -rf /var/lib/apt/lists/*
RUN test "$(echo '6 * 7' | bc)" = 42
`
  const inputs = { images: `${registry.host}/acme/debian`, push: 'true', 'tls-verify': 'false' }
  const { outputs } = await succeed({ workspace: { Dockerfile: dockerfile }, inputs })
  const image = await pullImage(`${registry.host}/acme/debian:latest`)
  const files = imageFiles(image)
  expect(outputs['digest']).toBe(image.digest)
  expect(files.get('usr/bin/bc')).toMatchObject({ type: 'file', mode: 0o755, uid: 0, gid: 0 })
  expect(contentOf(image, 'var/lib/dpkg/status').toString()).toMatch(/^Package: bc\nStatus: install ok installed$/m)
  // What the base has came through as it is: a group of its own, a setuid bit.
  const shadow = /^shadow:x:(\d+):/m.exec(contentOf(image, 'etc/group').toString())?.[1]
  expect(files.get('etc/shadow')).toMatchObject({ mode: 0o640, uid: 0, gid: Number(shadow) })
  expect(files.get('usr/bin/passwd')).toMatchObject({ mode: 0o4755, uid: 0, gid: 0 })
  const packages = [...files.keys()].filter((path) => path.startsWith('var/lib/apt/lists/'))
  expect(packages).toStrictEqual([])
})

function parsed(json: string | undefined): unknown {
  return JSON.parse(json ?? '')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
