import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { needsOf, unmet } from '../../../../../src/engine/buildah/find/requirements.js'
import { inputsOf } from '../../../helpers.js'

const always = { what: 'this action', since: '1.23.0' }
const ofSteps = (...steps: string[]) =>
  needsOf(inputsOf({}), parseDockerfile(['FROM a', ...steps].join('\n')), []).slice(1)

describe('needsOf the Dockerfile', () => {
  it.each([
    ['RUN <<EOF\nx\nEOF', 'RUN with a heredoc', '1.33.0'],
    ['COPY <<EOF /f\nx\nEOF', 'COPY with a heredoc', '1.33.0'],
    ['ADD --checksum=sha256:0 http://x /y', 'ADD with --checksum', '1.33.0'],
    ['COPY --link a b', 'COPY with --link', '1.41.0'],
    ['ADD --link a b', 'ADD with --link', '1.41.0'],
    ['COPY --from=x --link a b', 'COPY with --link', '1.41.0'],
    ['copy --link a b', 'COPY with --link', '1.41.0'],
    ['COPY --parents a b', 'COPY with --parents', '1.40.0'],
    ['COPY --exclude=*.txt a b', 'COPY with --exclude', '1.38.0'],
    ['ADD --exclude=*.txt a b', 'ADD with --exclude', '1.38.0'],
    ['ADD --keep-git-dir=true http://x /y', 'ADD with --keep-git-dir', undefined],
    ['ADD --keep-git-dir http://x /y', 'ADD with --keep-git-dir', undefined],
    ['RUN --network=none x', 'RUN with --network', '1.30.0'],
    ['RUN --security=insecure x', 'RUN with --security', undefined],
    ['RUN --device=vendor.com/gpu x', 'RUN with --device', undefined],
    ['RUN --mount=type=secret,id=a,env=A x', 'RUN with --mount=type=secret with env', '1.44.0'],
    ['RUN --mount=env=A,type=secret,id=a x', 'RUN with --mount=type=secret with env', '1.44.0'],
    ['RUN --mount=type=secret,id=a,target=key x', 'RUN with a mount at a relative path', '1.33.7'],
    ['RUN --mount=type=secret,id=a,required x', 'RUN with --mount=type=secret with required', '1.33.0'],
    ['ARG A=1 B=2', 'ARG with several arguments', '1.28.0'],
    ['ENV A=${B#x}', 'ENV with a pattern in a variable', '1.37.0'],
    ['COPY a ${B%/}/', 'COPY with a pattern in a variable', '1.37.0'],
    ['LABEL a=${B/x/y}', 'LABEL with a pattern in a variable', '1.37.0'],
    ['ARG A=${B##x}', 'ARG with a pattern in a variable', '1.37.0'],
    ['HEALTHCHECK --interval=5s --start-interval=1s CMD x', 'HEALTHCHECK with --start-interval', '1.36.0'],
  ])('%j', (step, what, since) => {
    expect(ofSteps('RUN first', step)).toStrictEqual([{ what: `Dockerfile line 3: ${what}`, since }])
  })

  it.each([
    'RUN --mount=type=secret,id=env x',
    'RUN --mount=type=secret,id=required x',
    'RUN --mount=type=secret,id=a,required=true x',
    'RUN --mount=type=ssh x',
    'ADD --keep-git-dir=false http://x /y',
    // the shell's own
    'RUN echo ${A#x}',
    'ENV A=${B:-x}',
    'ENV A=${B:-/x#y}',
    'ENV A=\\${B#x}',
    'ENV A=1 B=2',
    'ARG A',
    'RUN --mount=type=secret,id=a,target=/env=x x',
    'RUN echo --network=none',
    'COPY --from=link a b',
    'COPY --chown=1:1 --chmod=755 a b',
    'HEALTHCHECK --interval=5s CMD x --start-interval=1s',
    'HEALTHCHECK NONE',
    'ENV A=--link',
    '# COPY --link a b',
    // It is run by the build that has this image as its base.
    'ONBUILD COPY --link a b',
  ])('nothing: %j', (step) => {
    expect(ofSteps(step)).toStrictEqual([])
  })

  const mounts = { what: 'Dockerfile line 2: RUN with --mount=type=bind, cache or tmpfs', since: '1.24.0' }
  const relative = { what: 'Dockerfile line 2: RUN with a mount at a relative path', since: '1.33.7' }
  const relativeTmpfs = { what: 'Dockerfile line 2: RUN with a tmpfs mount at a relative path', since: '1.39.4' }
  const writable = { what: 'Dockerfile line 2: RUN with a writable --mount=type=bind', since: '1.39.0' }
  it.each([
    ['RUN --mount=type=bind,target=/x,rw x', [writable, mounts]],
    ['RUN --mount=type=bind,rw,target=/x x', [writable, mounts]],
    ['RUN --mount=target=/x,type=bind,readwrite x', [writable, mounts]],
    ['RUN --mount=type=bind,rw=true,target=/x x', [writable, mounts]],
    ['RUN --mount=rw,type=bind,target=/x x', [writable, mounts]],
    // a mount without a type is one of type bind
    ['RUN --mount=target=/x,rw x', [writable, mounts]],
    ['RUN --mount=target=/x x', [mounts]],
    ['RUN --mount=type=bind,target=/x,rw=false x', [mounts]],
    ['RUN --mount=type=bind,target=/rw x', [mounts]],
    ['RUN --mount=type=cache,target=/x,rw x', [mounts]],
    ['RUN --mount=type=tmpfs,target=/x x', [mounts]],
    ['RUN --mount=type=tmpfs,target=${X}/made x', [mounts]],
    ['RUN --mount=target=. x', [relative, mounts]],
    ['RUN --mount=type=cache,dst=.cache x', [relative, mounts]],
    ['RUN --mount=type=bind,destination=a,target=/x x', [relative, mounts]],
    ['RUN --mount=target=/context --mount=target=.,type=tmpfs x', [relativeTmpfs, mounts]],
  ])('a mount: %j', (step, expected) => {
    expect(ofSteps(step)).toStrictEqual(expected)
  })

  it('every feature of every stage, in order', () => {
    expect(ofSteps('COPY --link --parents a b', 'FROM b', 'RUN --network=host <<EOF', 'x', 'EOF')).toStrictEqual([
      { what: 'Dockerfile line 2: COPY with --link', since: '1.41.0' },
      { what: 'Dockerfile line 2: COPY with --parents', since: '1.40.0' },
      { what: 'Dockerfile line 4: RUN with a heredoc', since: '1.33.0' },
      { what: 'Dockerfile line 4: RUN with --network', since: '1.30.0' },
    ])
  })
})

const plain = parseDockerfile('FROM a\nRUN x')

describe('needsOf the inputs and the labels', () => {
  it.each([
    [{}, []],
    [{ 'build-contexts': 'lib=../lib' }, [{ what: 'input "build-contexts"', since: '1.27.0' }]],
    [{ outputs: 'type=local,dest=x' }, [{ what: 'input "outputs"', since: '1.26.0' }]],
    [{ outputs: 'type=tar,dest=x' }, [{ what: 'input "outputs"', since: '1.26.0' }]],
    [{ outputs: 'type=oci,dest=x' }, []],
    [{ outputs: 'type=docker,dest=x' }, []],
    [{ ssh: 'default' }, [{ what: 'input "ssh"', since: '1.23.0' }]],
    [{ 'no-cache': 'true' }, [{ what: 'input "no-cache"', since: '1.28.0' }]],
    [{ network: 'none' }, [{ what: 'input "network"', since: '1.28.0' }]],
    [{ network: 'host' }, []],
    [{ 'build-args': 'A=1', secrets: 'a=b', 'shm-size': '1m', ulimit: 'nofile=1' }, []],
  ])('%j', (values, expected) => {
    expect(needsOf(inputsOf(values), plain, [{ name: 'a', value: '1' }])).toStrictEqual([always, ...expected])
  })

  it.each([
    ['notice', 'first\nsecond'],
    ['tab', 'a\tb'],
    ['space', 'a\u00a0b'],
    ['zero', 'a\u200bb'],
    ['back', 'a\rb'],
  ])('a label %s=%j needs a Buildah that keeps what can’t be seen', (name, value) => {
    const labels = [
      { name: 'ok', value: 'x' },
      { name, value },
    ]
    expect(needsOf(inputsOf({}), plain, labels)).toStrictEqual([
      always,
      {
        what: `input "labels": a label with a line break or another invisible character, "${name}"`,
        since: '1.23.0',
        below: '1.30.0',
        remedy: 'Remove that character from the label.',
      },
    ])
  })

  it.each(['x y', 'ünïcödé ✓ 日本', '"q" \\ $X'])('a label a=%s needs nothing', (value) => {
    expect(needsOf(inputsOf({}), plain, [{ name: 'a', value }])).toStrictEqual([always])
  })

  it('add-hosts: host-gateway', () => {
    const inputs = { ...inputsOf({}), addHosts: ['host.docker.internal:host-gateway'] }
    expect(needsOf(inputs, plain, [])).toStrictEqual([always, { what: 'input "add-hosts"', since: '1.41.0' }])
  })
})

describe('unmet', () => {
  const needs = [always, { what: 'heredoc', since: '1.33.0' }, { what: 'link', since: '1.41.0' }]

  it.each([
    ['1.22.3', ['this action', 'heredoc', 'link']],
    ['1.23.0', ['heredoc', 'link']],
    ['1.28.2', ['heredoc', 'link']],
    // numbers are compared as numbers
    ['1.9.0', ['this action', 'heredoc', 'link']],
    ['1.33.0', ['link']],
    ['1.33.7', ['link']],
    ['1.40.9', ['link']],
    ['1.41.0', []],
    ['1.100.0', []],
    ['2.0.0', []],
  ])('by %s: %j', (version, expected) => {
    expect(unmet(needs, version).map(({ what }) => what)).toStrictEqual(expected)
  })

  it.each([
    ['1.22.9', true],
    ['1.23.0', false],
    ['1.29.9', false],
    ['1.30.0', true],
    ['1.43.2', true],
  ])('what only older versions can, by %s: %s', (version, open) => {
    const old = { what: 'labels', since: '1.23.0', below: '1.30.0' }
    expect(unmet([old], version)).toStrictEqual(open ? [old] : [])
  })

  it('a need of no version is met by none', () => {
    const never = { what: 'RUN --security', since: undefined }
    expect(unmet([never], '99.0.0')).toStrictEqual([never])
  })
})
