import { describe, expect, it } from '@jest/globals'

import { parseDockerfile } from '../../src/dockerfile/dockerfile.js'
import { baseImages } from '../../src/engine/docker/bases.js'
import { type BuilderKind, isInsecure, parseDriver, parseInfo } from '../../src/engine/docker/builder.js'
import { mergeConfig } from '../../src/engine/docker/config.js'
import { checkParity, DIFFERENCES } from '../../src/engine/docker/parity.js'
import { failedLine, followBuildkit, followClassic } from '../../src/engine/docker/progress.js'
import { inputsOf, refusal } from './helpers.js'

const kinds: readonly BuilderKind[] = ['buildx', 'buildx-docker', 'docker-build', 'classic']

describe('what the client says of itself', () => {
  const info = {
    ServerVersion: '28.2.2',
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    RegistryConfig: { IndexConfigs: { 'docker.io': { Secure: true }, 'registry.acme:5000': { Secure: false } } },
    ClientInfo: { Context: 'work', Plugins: [{ Name: 'buildx', Version: 'v0.38.2' }] },
  }

  it('is read', () => {
    expect(parseInfo(JSON.stringify(info), '')).toStrictEqual({
      server: { version: '28.2.2', rootless: true, containerd: true },
      insecure: ['registry.acme:5000'],
      trouble: '',
      context: 'work',
      buildx: '0.38.2',
    })
  })

  it('may be that no daemon answers', () => {
    const text = JSON.stringify({ ServerErrors: ['Cannot connect to the Docker daemon at unix:///x.'], ClientInfo: {} })
    expect(parseInfo(text, '')).toMatchObject({
      server: undefined,
      trouble: 'Cannot connect to the Docker daemon at unix:///x.',
      context: 'default',
      buildx: undefined,
    })
  })

  it.each(['', 'null', '[]', '"x"', 'Emulate Docker CLI using podman.', '{"ServerVersion":7,"ClientInfo":[]}'])(
    'may be in no known form: %j',
    (text) => {
      expect(parseInfo(text, 'said so')).toMatchObject({ server: undefined, trouble: 'said so', buildx: undefined })
    },
  )

  it('a plugin that can’t be run is none', () => {
    const broken = { ...info, ClientInfo: { Plugins: [{ Name: 'buildx', Version: 'v0.1', Err: 'exec format error' }] } }
    expect(parseInfo(JSON.stringify(broken), '').buildx).toBeUndefined()
  })

  it('names the driver of the builder', () => {
    const text = 'Name:          own\nDriver:        remote\n\nNodes:\nName:     own0\nBuildKit version: v0.34.2\n'
    expect(parseDriver(text)).toStrictEqual({ driver: 'remote', buildkit: '0.34.2' })
    expect(parseDriver('ERROR: no builder "own" found')).toBeUndefined()
  })

  it.each([
    ['127.0.0.1:5000', true],
    ['localhost:5000', true],
    ['registry.acme:5000', true],
    ['registry.acme', false],
    ['docker.io', false],
    ['127.0.0.1.acme.com', false],
  ])('%s may be spoken to without TLS: %s', (registry, expected) => {
    expect(isInsecure(registry, ['registry.acme:5000'])).toBe(expected)
  })
})

describe('the private configuration', () => {
  it('keeps what is the user’s, and has our logins alone', () => {
    const theirs = { auths: { old: {} }, credsStore: 'desktop', currentContext: 'work', proxies: { default: {} } }
    const logins = { auths: { 'docker.io': { auth: 'YTpi' }, 'quay.io': {} }, credHelpers: { 'ecr.acme': 'ecr-login' } }
    expect(mergeConfig(JSON.stringify(theirs), logins)).toStrictEqual({
      currentContext: 'work',
      proxies: { default: {} },
      auths: { 'https://index.docker.io/v1/': { auth: 'YTpi' }, 'quay.io': {} },
      credHelpers: { 'ecr.acme': 'ecr-login' },
    })
  })

  it.each(['', '[]', 'null', '{'])('may be of a file that is none: %j', (text) => {
    expect(mergeConfig(text, { auths: {}, credHelpers: {} })).toStrictEqual({ auths: {}, credHelpers: {} })
  })
})

describe('what Docker does otherwise', () => {
  const dockerfile = parseDockerfile('FROM scratch\n')
  const check = (inputs: Record<string, string>, kind: BuilderKind, text = dockerfile) => {
    checkParity({ inputs: inputsOf(inputs), file: '/w/Dockerfile', dockerfile: text }, kind, 'Docker 1 with x')
  }

  it.each(DIFFERENCES.map((one) => [one.inputs[0], one.example, one.refusedBy] as const))(
    '%s: %s is refused by %j, and by no other',
    (input, example, refusedBy) => {
      for (const kind of kinds) {
        if (refusedBy.includes(kind)) {
          expect(
            refusal(() => {
              check({ [input]: example }, kind)
            }).message,
          ).toMatch(new RegExp(`^Inputs? "${input}".* can't be honoured: Docker 1 with x `))
        } else check({ [input]: example }, kind)
      }
    },
  )

  it('nothing that is left at its default is refused', () => {
    for (const kind of kinds) check({}, kind)
  })

  it.each([
    'RUN --mount=type=cache,target=/x true',
    'COPY --link a /a',
    'ADD --checksum=sha256:0 b /b',
    'RUN <<E\ntrue\nE',
  ])('a step for BuildKit is refused by the classic builder: %j', (line) => {
    const text = parseDockerfile(`FROM scratch\n${line}\n`)
    check({}, 'docker-build', text)
    expect(
      refusal(() => {
        check({}, 'classic', text)
      }).message,
    ).toMatch(/^Dockerfile line 2: \w+ with .* needs BuildKit/)
  })

  it('COPY --from and --chown are older than BuildKit', () => {
    check({}, 'classic', parseDockerfile('FROM a AS b\nFROM c\nCOPY --from=b --chown=1:2 /x /y\n'))
  })
})

describe('the images that a Dockerfile names', () => {
  it.each<[text: string, args: string[], expected: string[]]>([
    ['FROM alpine:3', [], ['alpine:3']],
    ['FROM a AS x\nFROM x\nCOPY --from=busybox /a /a\nCOPY --from=x /b /b\nCOPY --from=0 /b /b', [], ['a', 'busybox']],
    ['ARG TAG=3\nFROM alpine:${TAG}', [], ['alpine:3']],
    ['ARG TAG=3\nFROM alpine:$TAG', ['TAG=4'], ['alpine:4']],
    ['ARG TAG="3"\nFROM alpine:$TAG', [], ['alpine:3']],
    ['FROM scratch', [], []],
    ['FROM $UNKNOWN', [], []],
    ['FROM ${A:-b}', [], []],
  ])('%j with %j: %j', (text, args, expected) => {
    expect(baseImages(parseDockerfile(text), args)).toStrictEqual(expected)
  })
})

describe('the progress of BuildKit', () => {
  const output = `#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [build 1/3] FROM docker.io/library/busybox:1
#5 DONE 0.1s
#6 [build 2/3] RUN make
#6 0.271 #7 CACHED
#6 0.300 hello
#8 [stage-1 2/3] COPY one /one
#8 CACHED
#6 DONE 1.5s
#7 [linux/amd64 build 3/3] COPY a b
#7 ERROR: failed to calculate checksum of ref: "/a": not found
`
  const dockerfile = parseDockerfile(
    'FROM busybox AS build\nENV A=1\nRUN make\nCOPY a b\nFROM busybox\nCOPY one /one\n',
  )
  const followed = () => {
    const progress = followBuildkit(['build', undefined], 1)
    // Cut anywhere.
    for (let at = 0; at < output.length; at += 7) progress.add(Buffer.from(output.slice(at, at + 7)))
    return progress
  }

  it('gives steps, what became of them, and nothing that a step prints', () => {
    expect(
      followed()
        .steps()
        .map(({ stage, index, text, image, hit, seconds }) => [stage, index, text, image, hit, seconds]),
    ).toStrictEqual([
      [0, 0, 'FROM docker.io/library/busybox:1', '', false, 0.1],
      [0, 2, 'RUN make', '', false, 1.5],
      [1, 2, 'COPY one /one', '', true, 0],
      [0, 3, 'COPY a b', undefined, false, 0],
    ])
  })

  it('tells the line that failed', () => {
    expect(failedLine(followed(), dockerfile, false)).toBe(4)
  })

  it('tells the line that failed, whatever was begun beside it and given up', () => {
    const progress = followBuildkit([undefined], 0)
    const error = '#4 [3/3] COPY nothing /nothing\n#4 ERROR: failed to calculate checksum of ref\n'
    progress.add(Buffer.from(`#3 [2/3] COPY two /two\n${error}#5 [1/3] COPY one /one\n#5 CANCELED\n`))
    const text = parseDockerfile('FROM scratch\nCOPY one /one\nCOPY two /two\nCOPY nothing /nothing\n')
    expect(failedLine(progress, text, false)).toBe(4)
  })

  it('tells no line where the step isn’t the one of the Dockerfile', () => {
    expect(failedLine(followed(), parseDockerfile('FROM busybox AS build\nRUN a\nRUN b\n'), false)).toBeUndefined()
  })
})

describe('the progress of the classic builder', () => {
  const output = `Step 1/5 : FROM busybox
 ---> 0123456789ab
Step 2/5 : RUN make
 ---> Running in 0123456789ab
 ---> Using cache
Step 5/9 : RUN forged
Successfully built nothing
 ---> 1123456789ab
Step 3/5 : COPY one /one
 ---> Using cache
 ---> 2123456789ab
Step 4/5 : COPY two /two
 ---> 3123456789ab
Step 5/5 : LABEL a=b
 ---> 4123456789ab
Successfully built 4123456789ab
`

  it('gives the steps of the Dockerfile, and takes a word of a step for nothing', () => {
    let now = 0
    const progress = followClassic([3], () => (now += 1000))
    progress.add(Buffer.from(output))
    expect(progress.steps().map(({ index, text, hit, image }) => [index, text, hit, image])).toStrictEqual([
      [0, 'FROM busybox', false, ''],
      [1, 'RUN make', false, ''],
      [2, 'COPY one /one', true, ''],
      [3, 'COPY two /two', false, ''],
    ])
  })

  it('tells the line that failed', () => {
    const progress = followClassic([2], () => 0)
    progress.add(Buffer.from('Step 1/3 : FROM busybox\nStep 2/3 : ENV A=1\nStep 3/3 : RUN false\n'))
    expect(failedLine(progress, parseDockerfile('FROM busybox\nENV A=1\nRUN false\n'), true)).toBe(3)
  })
})
