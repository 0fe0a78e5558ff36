import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { testedEngines } from '../harness/engines.js'
import { type Files, makeFolder } from '../harness/folders.js'
import { imageFiles, type PulledImage } from '../harness/images.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

// The newest: the system's own may be too old for heredocs.
const buildah = testedEngines().at(-1)
const missing = dockerReason() ?? buildah?.missing

const place = await useWarmPlace()
const docker = await useDocker()
if (missing === undefined) beforeAll(() => buildah?.start())
afterAll(() => buildah?.stop())

interface Case {
  readonly lines: readonly string[]
  readonly files?: Files
  readonly inputs?: Readonly<Record<string, string>>
  /** In front of FROM. */
  readonly before?: string
}

const cases: Readonly<Record<string, Case>> = {
  'several stages': {
    lines: ['RUN echo made > /made', 'FROM scratch AS last', 'COPY --from=0 /made /srv/made', 'COPY one /srv/one'],
    files: { one: '1' },
  },
  'ARG in front of FROM': {
    before: 'ARG TAG=1',
    lines: ['ARG TAG', 'ARG GREETING=hello', 'RUN echo "$GREETING $TAG" > /srv-greeting', 'ENV SAID=$GREETING'],
    inputs: { 'build-args': 'GREETING=good morning' },
  },
  'a heredoc': {
    lines: ['RUN <<END', 'mkdir /srv', 'echo one > /srv/one', 'END', 'COPY <<two /srv/two', 'second', 'two'],
  },
  'a secret': {
    lines: [
      'RUN --mount=type=secret,id=key sha256sum < /run/secrets/key > /srv-key && ls -la /run/secrets > /dev/null',
    ],
    inputs: { secrets: 'key=hush hush' },
  },
  HEALTHCHECK: { lines: ['HEALTHCHECK --interval=7s --timeout=3s CMD ["/bin/true"]', 'SHELL ["/bin/sh", "-ec"]'] },
  'COPY --chown': {
    lines: [
      'COPY --chown=7:8 one /srv/one',
      'COPY --chown=nobody:nogroup folder /srv/folder',
      'COPY --chmod=640 one /two',
    ],
    files: { one: '1', 'folder/two': '2', 'folder/deeper/three': '3' },
  },
  'an ignore file with exceptions': {
    lines: ['COPY . /srv'],
    files: {
      '.dockerignore': '*\n!src\nsrc/*.log\n!src/keep.log\n**/tmp\n',
      ...{ 'src/one': '1', 'src/two.log': '2', 'src/keep.log': '3', 'src/tmp/four': '4', other: '5' },
    },
  },
  'ADD of an archive': { lines: ['ADD files.tar.gz /srv/', 'ADD one /srv/one'], files: { one: '1' } },
  ONBUILD: { lines: ['ONBUILD COPY one /srv/one', 'ONBUILD RUN echo built > /built', 'RUN echo base > /base'] },
  'a further context': {
    lines: ['COPY --from=lib /two /srv/two', 'COPY one /srv/one'],
    files: { one: '1', 'other/lib/two': '2' },
    inputs: { 'build-contexts': 'lib=other/lib' },
  },
  'labels, and an owner': {
    files: { one: '1' },
    lines: [
      'COPY --chown=7:8 one /srv/one',
      'LABEL one="first label" two=2',
      'LABEL org.opencontainers.image.title="of the file"',
      'EXPOSE 80/tcp 53/udp',
    ],
    inputs: { labels: 'three=a $value "quoted"\norg.opencontainers.image.vendor=acme' },
  },
  'a user who is not root': {
    lines: [
      'RUN mkdir /data && chown nobody:nogroup /data',
      'USER nobody:nogroup',
      'WORKDIR /data/made by it',
      'RUN id -u > /data/uid && touch /data/t && chmod 2750 /data',
      'VOLUME ["/data/volume"]',
      'ENTRYPOINT ["/bin/sh", "-c"]',
      'STOPSIGNAL SIGINT',
    ],
  },
}

/** What the Buildah of the ordinary set, 1.33, does as Docker does: others it does in a way of its own, until 1.43. */
const ordinary = ['labels, and an owner']

for (const [name, { before, lines, files, inputs }] of casesOfSet(Object.entries(cases), ([name]) =>
  ordinary.includes(name),
)) {
  testUnless(missing)(`${name}: the same configuration and the same files`, async () => {
    const build = async (engine: 'buildah' | 'docker'): Promise<PulledImage> => {
      const repository = `${engine}-${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`
      const wish = engine === 'buildah' ? buildah?.wish() : undefined
      const options = {
        inputs: { engine, cache: 'off', ...inputs },
        ...(engine === 'docker' && { as: 'root' as const, env: docker.environment('buildx') }),
      }
      const step = place.job(repository, lines, options, wish)
      const packed: Files = name.startsWith('ADD') ? { 'files.tar.gz': archive() } : {}
      const workspace: Files = { ...(step.workspace as Files), ...files, ...packed }
      const dockerfile = `${before === undefined ? '' : `${before}\n`}${workspace['Dockerfile'] as string}`
      await succeed({ ...step, workspace: { ...workspace, Dockerfile: dockerfile } })
      return await place.pull(repository)
    }
    const [ours, theirs] = [await build('buildah'), await build('docker')]
    expect(configOf(theirs)).toStrictEqual(configOf(ours))
    expect([...filesOf(theirs)]).toStrictEqual([...filesOf(ours)])
  })
}

/** What a container is started with; what is empty may be left out, and a host name is a new one in every build. */
function configOf({ config }: PulledImage): unknown {
  const { config: run = {}, architecture, os } = config
  const labels = Object.entries(run.Labels ?? {}).filter(([label]) => label !== 'io.buildah.version')
  const kept = Object.entries(run).filter(([key, value]) => {
    const isEmpty = value === null || value === '' || value === false || JSON.stringify(value) === '[]'
    return !isEmpty && key !== 'Labels' && key !== 'Hostname' && JSON.stringify(value) !== '{}'
  })
  return { architecture, os, run: Object.fromEntries(kept), labels: Object.fromEntries(labels.sort()) }
}

function filesOf(image: PulledImage): Map<string, unknown> {
  return new Map(
    [...imageFiles(image)]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, { type, mode, uid, gid, sha256, linkname }]) => [path, { type, mode, uid, gid, sha256, linkname }]),
  )
}

function archive(): Buffer {
  const folder = makeFolder('archive')
  mkdirSync(join(folder, 'in/deep'), { recursive: true })
  writeFileSync(join(folder, 'in/deep/file'), 'packed', { mode: 0o600 })
  const tar = [
    '--create',
    '--gzip',
    '--directory',
    join(folder, 'in'),
    '--owner=12',
    '--group=34',
    '--mtime=2026-01-01',
  ]
  // Not its root: Buildah takes owner and mode of that for the folder that it is unpacked into, BuildKit doesn't.
  return execFileSync('tar', [...tar, 'deep'])
}
