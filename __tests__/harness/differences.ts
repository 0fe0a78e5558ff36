import { type ImageFile, imageFiles, type PulledImage } from './images.js'

/** What two engines make of one Dockerfile, each in its way. */
export interface Difference {
  /** As docs/engines.md has it: what it is about, what Buildah makes of it, what Docker does. */
  readonly what: string
  readonly buildah: string
  readonly docker: string
  readonly in: keyof typeof dockerfiles
  /** What is looked at of an image, and what that is with either. */
  readonly look: (image: PulledImage) => unknown
  readonly seen: readonly [buildah: unknown, docker: unknown]
}

/** One that isn't that of the machine. */
const foreign = process.arch === 'x64' ? 'arm64' : 'amd64'
const own = process.arch === 'x64' ? 'amd64' : process.arch

/** Two builds that show all of them, by their instructions: one in which nothing runs, and one in which something does. */
export const dockerfiles = {
  still: [
    '# escape=`',
    `FROM --platform=linux/${foreign} scratch`,
    'COPY setuid /srv/setuid',
    'COPY --chmod=600 one /made/one',
    'ADD --chown=7:8 packed.tar /packed/',
    'ENV BACKSLASH=a\\b',
    'EXPOSE 8000-8002',
    'HEALTHCHECK CMD ["/one"]',
    'WORKDIR /work',
  ],
  running: [
    'FROM BASE',
    'COPY --from=lib /two /srv/two',
    'RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK"',
    'SHELL ["/bin/sh", "-e", "-c"]',
    'CMD echo one',
  ],
} as const

const file = (path: string) => (image: PulledImage) => imageFiles(image).get(path)
const of =
  <Key extends keyof ImageFile>(path: string, ...keys: readonly Key[]) =>
  (image: PulledImage) =>
    keys.map((key) => file(path)(image)?.[key])
const config = (key: string) => (image: PulledImage) => (image.config.config as Record<string, unknown>)[key]

export const differences: readonly Difference[] = [
  {
    ...{ what: 'The setuid and setgid bits of files that `COPY` takes from the context', in: 'still' },
    ...{ buildah: 'removed', docker: 'kept', look: of('srv/setuid', 'mode'), seen: [[0o755], [0o4755]] },
  },
  {
    ...{ what: 'A `WORKDIR` after which nothing is written', in: 'still' },
    ...{ buildah: "isn't in the image as a folder", docker: 'is a folder of the image' },
    ...{ look: of('work', 'type'), seen: [[undefined], ['directory']] },
  },
  {
    ...{ what: 'A folder that `COPY --chmod=600` makes', in: 'still' },
    ...{ buildah: 'has mode 0755', docker: 'has mode 0600, as the file' },
    ...{ look: of('made', 'mode'), seen: [[0o755], [0o600]] },
  },
  {
    ...{ what: 'The files of an archive, by `ADD --chown=7:8`', in: 'still' },
    ...{ buildah: 'keep the owner that the archive has', docker: 'belong to 7:8' },
    ...{
      look: of('packed/deep/file', 'uid', 'gid'),
      seen: [
        [12, 34],
        [7, 8],
      ],
    },
  },
  {
    ...{ what: 'The shell of a `CMD` in shell form behind `SHELL`', in: 'running' },
    ...{ buildah: 'is `/bin/sh -c`', docker: 'is that of `SHELL`', look: config('Cmd') },
    seen: [
      ['/bin/sh', '-c', 'echo one'],
      ['/bin/sh', '-e', '-c', 'echo one'],
    ],
  },
  {
    ...{ what: '`EXPOSE 8000-8002`', in: 'still' },
    ...{ buildah: 'is one entry, `8000-8002/tcp`', docker: 'is three entries', look: config('ExposedPorts') },
    seen: [{ '8000-8002/tcp': {} }, { '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} }],
  },
  {
    ...{
      what: 'The platform of `FROM --platform=linux/arm64 scratch` on amd64',
      in: 'still',
    },
    ...{ buildah: 'is linux/arm64', docker: 'is linux/amd64' },
    ...{ look: ({ config: { architecture } }) => architecture, seen: [foreign, own] },
  },
  {
    ...{ what: 'A backslash in `ENV` behind ``# escape=` ``', in: 'still' },
    ...{ buildah: 'escapes the next character', docker: 'is a backslash' },
    look: (image) => image.config.config?.Env?.filter((line) => line.startsWith('BACKSLASH=')),
    seen: [['BACKSLASH=ab'], ['BACKSLASH=a\\b']],
  },
  {
    ...{ what: '`HEALTHCHECK` with `format: oci`', in: 'still' },
    ...{ buildah: 'is left out', docker: 'is in the image', look: config('Healthcheck') },
    seen: [undefined, { Test: ['CMD', '/one'] }],
  },
]
