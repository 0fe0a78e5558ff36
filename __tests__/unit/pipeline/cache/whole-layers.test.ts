import { expect, it } from '@jest/globals'
import { parseReference } from '../../../../src/metadata/reference.js'
import { whyWhole } from '../../../../src/pipeline/cache/whole-layers.js'
import { inputsOf } from '../../helpers.js'

const GIVEN = { images: 'a.example/web', push: 'true', skeletons: 'auto' }
const references = [parseReference('a.example/web:1')]
const why = (inputs: Readonly<Record<string, string>>, store: Partial<Parameters<typeof whyWhole>[1]> = {}) =>
  whyWhole(
    { inputs: inputsOf({ ...GIVEN, ...inputs }), references },
    { layout: 'overlay-rootless', version: '1.28.2', ...store },
  )

it('needs no layer whole by itself', () => {
  expect(why({})).toBeUndefined()
  expect(why({}, { layout: 'overlay-root', version: '1.43.2' })).toBeUndefined()
})

it.each<[inputs: Readonly<Record<string, string>>, why: string]>([
  [{ skeletons: 'off' }, '`skeletons` is off'],
  [{ push: 'false' }, '`push`'],
  [{ load: 'true' }, '`load`'],
  [{ outputs: 'type=oci,dest=image.tar' }, '`outputs`'],
  [{ test: 'true' }, '`test`'],
  [{ sbom: 'true' }, '`sbom`'],
  [{ compression: 'zstd' }, '`compression`'],
  [{ 'force-compression': 'true' }, '`compression`'],
  [{ timestamp: 'epoch' }, '`timestamp`'],
  [{ 'build-args': 'SOURCE_DATE_EPOCH=1' }, '`timestamp`'],
  [{ 'extra-args': '--squash' }, '`extra-args`'],
  [{ 'build-contexts': 'a=docker-image://b' }, '`build-contexts`'],
  [{ platforms: 'linux/s390x' }, '`platforms`'],
  [{ 'no-cache': 'true' }, '`no-cache`'],
  [{ pull: 'true' }, '`pull`'],
  [{ 'cache-mounts': 'true' }, '`cache-mounts`'],
])('needs every layer whole with %j', (inputs, said) => {
  expect(why(inputs)).toContain(said)
})

it.each([
  [{ layout: 'vfs-rootless' as const }, 'the layout vfs-rootless'],
  [{ layout: 'fuse-overlayfs-rootless' as const }, 'the layout fuse-overlayfs-rootless'],
  [{ version: '1.23.1' }, 'Buildah 1.23.1 is older'],
])('needs every layer whole in %j', (store, said) => {
  expect(why({}, store)).toContain(said)
})

it('needs every layer whole where the image is pushed by its digest', () => {
  const spec = { inputs: inputsOf(GIVEN), references: [parseReference('a.example/web')] }
  expect(whyWhole(spec, { layout: 'overlay-rootless', version: '1.43.2' })).toContain('`push`')
})
