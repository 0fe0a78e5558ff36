import { readFileSync } from 'node:fs'

import { expect, jest } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { awkwardTar, netRawCapability } from '../harness/awkward-tar.js'
import { succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { describeEngines } from '../harness/describe-engines.js'
import { type Files } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles } from '../harness/images.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { readTar } from '../harness/tar.js'
import { exhaustively } from '../harness/test-set.js'
import { expectHit, type JobOptions, stepsOf, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(180_000)

const place = await useWarmPlace()

/** 200 bytes in 100 characters. */
const longName = 'é'.repeat(100)
/** No UTF-8, as a shell's printf has it. */
const brokenName = 'broken-\\377\\376-\\303'

const files: Files = {
  'attributes.tar': awkwardTar([
    {
      ...{ path: 'colour', mode: 0o640, uid: 77, gid: 88, content: 'coloured' },
      attributes: { 'user.colour': Buffer.from('blue'), 'user.bytes': Buffer.from([0, 0xff, 0x0a, 0x3d]) },
    },
    {
      ...{ path: 'ping', mode: 0o755, uid: 0, gid: 0, content: 'may ping' },
      attributes: { 'security.capability': netRawCapability },
    },
  ]),
}

/** Each makes a layer with something that is easily lost, and takes away what layers below have. */
const lines = [
  'ADD attributes.tar /srv/attributes',
  'RUN mkdir -p /srv/a /srv/b/c /srv/d && echo 1 > /srv/a/one && echo 2 > /srv/a/two && echo 3 > /srv/b/c/three',
  'RUN chown -R 1234:5678 /srv/b && chown 65000:65001 /srv/a/two && chmod 1777 /srv/d && chmod 0 /srv/a/two',
  'RUN cp /bin/busybox /srv/tool && chmod 6755 /srv/tool && ln /srv/tool /srv/same && ln -s /none /srv/dangling',
  `RUN cd /srv/d && touch -- ${longName} "$(printf '${brokenName}')" "$(printf 'two\\nlines')" ' ' '-rf' '*' 'a\\b' ..x`,
  `RUN cd /srv/d && touch 'c 1:3' null sda1 diff link lower .opq && mkdir 'dev' && echo x > dev/null.txt && mkfifo pipe`,
  'RUN rm /srv/a/one && rm -rf /srv/b && mkdir /srv/b && echo new > /srv/b/new && rm /bin/vi && rmdir /var/tmp',
  'RUN rm -rf /srv/a && echo file > /srv/a && rm /srv/dangling && mkdir /srv/dangling && touch /srv/dangling/in',
  // They are copied up, with their attributes.
  'RUN chmod 0604 /srv/attributes/colour && touch /srv/attributes/ping',
]
const stat = `stat -c '%n|%F|%f|%u|%g|%h|%s|%N'`
const notMounted =
  '-xdev ! -path "/list" ! -path "/dev*" ! -path "/proc*" ! -path "/sys*" ! -path "/run*" ! -path "/etc/*" ! -path /'
/** What a step finds: of folders not their sizes and links, which are the file system's. */
const listing = [
  `find / ${notMounted} ! -type d -exec ${stat} {} + | sort > /list`,
  `find / ${notMounted} -type d -exec stat -c '%n|%f|%u|%g' {} + | sort >> /list`,
  `find / ${notMounted} -type f -exec sha256sum {} + | sort >> /list`,
].join(' && ')

describeEngines('with $name', ({ version, wish, testEach }) => {
  const scope = (name: string): string => `${name}-${version}`
  const job = (name: string, steps: readonly string[], options?: JobOptions): StepOptions =>
    place.job(scope(name), steps, { files, ...options }, wish())

  testEach('what comes back is what was there, byte for byte', async () => {
    // On such a machine, the storage is still there after the step.
    const env = { RUNNER_ENVIRONMENT: 'github-hosted' }
    const cold = await runAction(job('bytes', lines, { env }))
    const warm = await runAction(job('bytes', lines, { env }))
    expect([cold.exitCode, cold.post?.exitCode, warm.exitCode]).toStrictEqual([0, 0, 0])
    expect(stepsOf(warm)).toStrictEqual({ hit: lines, ran: [] })
    expectHit(warm, 'full')
    expect(warm.outputs['imageid']).toBe(cold.outputs['imageid'])
    const [before, after] = [await mounted(cold), await mounted(warm)]
    expectAwkward(before)
    expect(differences(before, after)).toStrictEqual([])
  })

  exhaustively(testEach)('a step that runs on restored ones finds what it finds without a cache', async () => {
    await succeed(job('list', [...lines, 'RUN true']))
    const warm = await succeed(job('list', [...lines, `RUN ${listing}`]))
    expect(stepsOf(warm)).toStrictEqual({ hit: lines, ran: [`RUN ${listing}`] })
    expect(warnings(warm)).toStrictEqual([])
    const warmImage = await place.pull(scope('list'))
    const cold = await succeed(job('list', [...lines, `RUN ${listing}`], { inputs: { cache: 'off' } }))
    expectHit(cold, 'none')
    const coldImage = await place.pull(scope('list'))
    const [warmList, coldList] = [warmImage, coldImage].map((image) => contentOf(image, 'list').toString('latin1'))
    expect(coldList).toMatch(/^\/srv\/tool\|regular file\|8ded\|0\|0\|2\|/m)
    expect(warmList?.split('\n')).toStrictEqual(coldList?.split('\n'))
    // The pushed image too, all layers with their whiteouts.
    expect(imageFiles(warmImage)).toStrictEqual(imageFiles(coldImage))
    expect(imageFiles(warmImage).has('bin/vi')).toBe(false)
  })
})

/** The files of the image where it was built, as GNU tar gives them: owners, modes, times, links and attributes too. */
async function mounted({ log, outputs }: StepResult): Promise<Buffer> {
  const program = /^Engine: Buildah \S+ \((\/[^,]+),/m.exec(log)?.[1] ?? ''
  const conf = readFileSync(outputs['storage-conf'] ?? '', 'utf8')
  const [root = '', runroot = ''] = ['graphroot', 'runroot'].map(
    (name) => new RegExp(`^${name} = "(.+)"$`, 'm').exec(conf)?.[1],
  )
  const buildah = '"$0" --root "$1" --runroot "$2" --storage-driver overlay'
  const attributes = "--xattrs --xattrs-include='*' --pax-option=delete=atime,delete=ctime"
  // The root folder itself is one of the container's, made just now.
  const tar = `tar --create --format=posix --sort=name ${attributes} -- *`
  const script = `set -e; made=$(${buildah} from --pull-never "$3"); folder=$(${buildah} mount "$made"); cd "\${folder:?}"; ${tar}`
  const args = ['unshare', '/bin/sh', '-c', script, program, root, runroot, outputs['imageid'] ?? '']
  return run(program, args, { account: accountFor('user') })
}

/** Holds that the archive has what is easily lost: else two equal archives would say little. */
function expectAwkward(archive: Buffer): void {
  const members = new Map([...readTar(archive)].map((member) => [member.path, member]))
  expect(members.get('srv/b/new')).toMatchObject({ type: 'file' })
  expect(members.get('srv/a')).toMatchObject({ type: 'file' })
  expect(members.get('srv/d')).toMatchObject({ mode: 0o1777 })
  expect(members.get('srv/dangling')).toMatchObject({ type: 'directory' })
  expect(members.get('srv/same')).toMatchObject({ type: 'file', mode: 0o6755 })
  expect(members.get('srv/tool')).toMatchObject({ type: 'hardlink', linkname: 'srv/same' })
  expect(members.get('srv/attributes/colour')).toMatchObject({ mode: 0o604, uid: 77, gid: 88 })
  expect(members.get(`srv/d/${longName}`)).toMatchObject({ type: 'file' })
  for (const gone of ['srv/b/c', 'srv/b/c/three', 'bin/vi', 'var/tmp', 'srv/a/one'])
    expect(members.has(gone)).toBe(false)
  for (const bytes of [
    Buffer.from('user.colour=blue\n'),
    netRawCapability,
    Buffer.from([0x2d, 0xff, 0xfe, 0x2d, 0xc3]),
  ]) {
    expect(archive.includes(bytes)).toBe(true)
  }
}

/** Two archives are too large to be shown: what differs is. */
function differences(before: Buffer, after: Buffer): string[] {
  const describe = (archive: Buffer): Map<string, string> =>
    new Map(
      [...readTar(archive)].map(({ content, ...member }) => [
        member.path,
        `${JSON.stringify(member)} ${content.toString('base64').slice(0, 100)}`,
      ]),
    )
  const [old, now] = [describe(before), describe(after)]
  const paths = [...new Set([...old.keys(), ...now.keys()])].filter((path) => old.get(path) !== now.get(path))
  const rest = before.equals(after) ? [] : ['the archives differ']
  return [...paths.map((path) => `${path}: ${old.get(path) ?? 'absent'} → ${now.get(path) ?? 'absent'}`), ...rest]
}
