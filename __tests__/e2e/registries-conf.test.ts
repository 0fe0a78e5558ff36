import { join } from 'node:path'
import { afterAll, describe, expect, jest, test } from '@jest/globals'

import { busyboxImage } from '../harness/base-image.js'
import { makeWorkspace } from '../harness/folders.js'
import { githubRegistriesConf } from '../harness/registries-conf.js'
import { startRegistry } from '../harness/registry.js'
import type { StepOptions } from '../harness/runner.js'
import { expectBuilt, expectSkipped, skipJob, watchSkip } from '../harness/skip-steps.js'
import { rootReason } from '../harness/skipping.js'
import { withCovered } from '../harness/surroundings.js'
import { architecture } from '../harness/oci-layout.js'
import { casesOfSet } from '../harness/test-set.js'
import { tinyImage } from '../harness/tiny-image.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(240_000)

const place = await useWarmPlace()
/** They stand in for Docker Hub, where short names are looked for first, and for Quay. */
const [hub, quay] = [await startRegistry(), await startRegistry()]
afterAll(async () => {
  await hub.stop()
  await quay.stop()
})
await busyboxImage(hub.host, 'acme/first:1')
await busyboxImage(quay.host, 'acme/second:1')

const standIn = (name: string, host: string) =>
  `[[registry]]\nprefix = "${name}"\nlocation = "${host}"\ninsecure = true\n`

/** A job on a machine whose /etc/containers has this main file and these drop-ins, and no variable that names another. */
function jobOn(etc: { main: string; more?: string }, name: string, dockerfile: string): StepOptions {
  const folder = makeWorkspace({
    'registries.conf': etc.main,
    'registries.conf.d/1.conf': `${standIn('docker.io', hub.host)}${etc.more ?? ''}`,
    'registries.conf.d/2.conf': standIn('quay.io', quay.host),
  })
  const covers = ['registries.conf', 'registries.conf.d'].map((file) => [
    join('/etc/containers', file),
    join(folder, file),
  ])
  const step = skipJob(place, name, [])
  return {
    ...step,
    workspace: makeWorkspace({ Dockerfile: dockerfile, one: '1' }),
    env: { ...step.env, CONTAINERS_REGISTRIES_CONF: undefined },
    within: withCovered(Object.fromEntries(covers) as Record<string, string>),
  }
}

const machines: readonly (readonly [what: string, isOrdinary: boolean, main: string, base: string])[] = [
  ['in version 2, a base image by its full name', false, githubRegistriesConf.version2, place.base],
  ['in version 2, by a short name that Docker Hub has', false, githubRegistriesConf.version2, 'acme/first:1'],
  ['in version 2, by a short name that only Quay has', true, githubRegistriesConf.version2, 'acme/second:1'],
  ['in version 1, a base image by its full name', true, githubRegistriesConf.version1, place.base],
  ['in version 1, by a short name that Docker Hub has', true, githubRegistriesConf.version1, 'acme/first:1'],
  ['in version 1, by a short name that only Quay has', false, githubRegistriesConf.version1, 'acme/second:1'],
]

const describeAsRoot = rootReason === undefined ? describe : describe.skip

describeAsRoot('on a machine with the registries.conf of GitHub’s Ubuntu images', () => {
  test.each(casesOfSet(machines, ([, isOrdinary]) => isOrdinary))(
    '%s: built cold, then nothing is',
    async (what, _, main, base) => {
      const step = jobOn({ main }, what.replaceAll(/\W+/g, '-').toLowerCase(), `FROM ${base}\nCOPY one /srv/one\n`)
      const cold = await watchSkip(place, step)
      expectBuilt(cold, /^Unchanged: not checked; there is no build record yet$/m)
      expect(cold.log).not.toContain('no build record saved')
      expectSkipped(await watchSkip(place, step), cold)
    },
  )

  test('an alias, a mirror and an image of several platforms are looked up where Buildah finds them', async () => {
    const [copy, other, moved] = [await tinyImage('copy'), await tinyImage('other'), await tinyImage('moved')]
    await copy.push(quay.host, 'mirror/acme/mirrored:1')
    for (const image of [copy, other, moved])
      await image.push(quay.host, `acme/several:${image.manifest.digest.slice(7)}`)
    await putIndex(quay.host, [copy, other])
    const mirror = `[[registry.mirror]]\nlocation = "${quay.host}/mirror"\ninsecure = true\n`
    const alias = '[aliases]\n"tools" = "quay.io/acme/second"\n'
    const dockerfile = [
      'FROM tools:1',
      'COPY --from=acme/mirrored:1 /content /mirrored',
      'COPY --from=quay.io/acme/several:1 /content /several',
      '',
    ].join('\n')
    const step = jobOn({ main: githubRegistriesConf.version2, more: mirror + alias }, 'places', dockerfile)
    const cold = await watchSkip(place, step)
    expectBuilt(cold)
    expectSkipped(await watchSkip(place, step), cold)

    const difference = /^Unchanged: no; changed since the build of .*: base images$/m
    await moved.push(quay.host, 'mirror/acme/mirrored:1')
    expectBuilt(await watchSkip(place, step), difference)
    // The image of this platform stays; the digest is that of the index.
    await putIndex(quay.host, [copy, moved])
    expectBuilt(await watchSkip(place, step), difference)
  })
})

/** Puts an index of two images, the first for this platform, as `acme/several:1`. */
async function putIndex(host: string, images: readonly Awaited<ReturnType<typeof tinyImage>>[]): Promise<void> {
  const manifests = images.map(({ manifest: { digest, mediaType, size } }, index) => {
    return { digest, mediaType, size, platform: { os: 'linux', architecture: index === 0 ? architecture : 's390x' } }
  })
  const type = 'application/vnd.oci.image.index.v1+json'
  const answer = await fetch(`http://${host}/v2/acme/several/manifests/1`, {
    method: 'PUT',
    headers: { 'content-type': type },
    body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests }),
  })
  if (!answer.ok) throw new Error(`The index was refused: ${answer.status} ${await answer.text()}`)
}
