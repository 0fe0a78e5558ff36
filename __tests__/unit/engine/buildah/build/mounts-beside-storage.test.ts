import { expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../../../src/dockerfile/dockerfile.js'
import { refuseMountsBesideStorage } from '../../../../../src/engine/buildah/build/mounts-beside-storage.js'
import { inputsOf } from '../../../helpers.js'
import { version } from '../setup.js'

const root = '/tmp/job/rootless-image-build-a/root'

function refuse(lines: readonly string[], by = '1.40.1', place = root): void {
  const dockerfile = parseDockerfile(['FROM a', ...lines].join('\n'))
  const source = { context: '/w', file: '/w/Dockerfile', dockerfile, target: undefined }
  const inputs = inputsOf({ 'build-args': 'GIVEN=/tmp' })
  refuseMountsBesideStorage({ inputs, source }, { buildah: version(by), root: place })
}

const mount = (options: string) => `RUN --mount=${options} make`

it.each([
  [[mount('type=tmpfs,target=/tmp')], 2],
  [[mount('type=cache,dst=/tmp/job/')], 2],
  [[mount('type=bind,source=a,destination=/./tmp/a')], 2],
  [[mount('type=tmpfs,target=/tmp/$X')], 2],
  [[mount(`target=${root}`)], 2],
  [['ARG D=/tmp', mount('target=$D/a')], 3],
  [['ARG GIVEN=/a', mount('target=${GIVEN}/a')], 3],
  [['ENV D="/tmp" E=/b', 'ENV F=$D/c', mount('target=$F')], 4],
  [['ARG M=target=/tmp/a', mount('type=tmpfs,$M')], 3],
  [['WORKDIR /tmp', mount('target=a')], 3],
  [['ENV D=/tmp', 'WORKDIR $D/b', mount('target=a')], 4],
  [['ENV D=/tmp', 'FROM 0', mount('target=$D')], 4],
])('refuses %j', (lines, line) => {
  expect(() => {
    refuse(lines)
  }).toThrow(`Dockerfile line ${line}: a mount on "/tmp`)
})

it.each([
  [['target=$X/a'], '$X/a'],
  [['target=/$X/a'], '/$X/a'],
  [['target=${X:-/b}'], '${X:-/b}'],
  [['type=tmpfs,$X'], 'type=tmpfs,$X'],
  [['target=a'], 'a'],
])('refuses %j, since it may be there', ([options = ''], shown) => {
  expect(() => {
    refuse([mount(options)])
  }).toThrow(`Dockerfile line 2: a mount on "${shown}" is at a path that only the build knows, and may make Buildah`)
  expect(() => {
    refuse([mount(options)], undefined, '/.rootless-image-build')
  }).not.toThrow()
})

it.each([
  [[mount('type=tmpfs,target=/tm')]],
  [[mount('type=tmpfs,target=/TMP')]],
  [[mount('type=cache,target=/var/tmp')]],
  [[mount('type=secret,id=a')]],
  [[mount('type=tmpfs,target=/a$X/tmp')]],
  [['ARG D=/tmp', 'ENV D=/a', 'ARG D=/tmp', mount('target=$D')]],
  [['WORKDIR /a', mount('target=tmp')]],
  [['ARG D', 'ENV D=/a', mount('target=${D:-/tmp}')]],
])('takes %j', (lines) => {
  expect(() => {
    refuse(lines)
  }).not.toThrow()
})

it('takes every one with a Buildah that removes the target alone', () => {
  expect(() => {
    refuse([mount('type=tmpfs,target=/tmp'), mount('target=$X')], '1.41.0')
  }).not.toThrow()
})
