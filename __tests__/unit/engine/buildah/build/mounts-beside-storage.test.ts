import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { refuseMountsBesideStorage } from '../../../../../src/engine/buildah/build/mounts-beside-storage.js'
import { version } from '../setup.js'

const root = '/tmp/job/rootless-image-build-a/root'

function refuse(mount: string, by = '1.40.1'): void {
  const dockerfile = parseDockerfile(`FROM a\nRUN --mount=${mount} make\n`)
  const source = { context: '/w', file: '/w/Dockerfile', dockerfile, target: undefined }
  refuseMountsBesideStorage({ source }, { buildah: version(by), root })
}

it.each([
  'type=tmpfs,target=/tmp',
  'type=cache,dst=/tmp/job/',
  'type=bind,source=a,destination=/./tmp/a',
  'type=tmpfs,target=//tmp/$X',
  `target=${root}`,
])('refuses --mount=%s', (mount) => {
  expect(() => {
    refuse(mount)
  }).toThrow('Dockerfile line 2: a mount on "/')
})

it.each([
  'type=tmpfs,target=/tm',
  'type=cache,target=/var/tmp',
  'type=secret,id=a',
  'type=tmpfs,target=$X/tmp',
  'type=tmpfs,target=/$X/tmp',
  'type=tmpfs,target=tmp',
])('takes --mount=%s', (mount) => {
  expect(() => {
    refuse(mount)
  }).not.toThrow()
})

it('takes every one with a Buildah that removes the target alone', () => {
  expect(() => {
    refuse('type=tmpfs,target=/tmp', '1.41.0')
  }).not.toThrow()
})
