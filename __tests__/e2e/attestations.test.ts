import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { fail, succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { makeFolder } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { type IndexManifest, imagetools, manifestsOf, type Predicates } from '../harness/imagetools.js'
import { indexOfPlatforms, ownArchitecture } from '../harness/platform-images.js'
import { digestOf, getBlob, getManifest, withSettings } from '../harness/registry-client.js'
import type { StepOptions } from '../harness/runner.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()
const own = `linux/${ownArchitecture()}`
const image = `${registry.host}/acme/web`
const SECRET = 'hush-the-first-secret'

const step = (inputs: Record<string, string> = {}): StepOptions => ({
  workspace: { Dockerfile: `FROM ${base}\nARG WHO\nARG TOKEN\nCOPY app /app\nRUN echo "$WHO" >/who\n`, app: 'app' },
  inputs: {
    ...{ images: image, push: 'true', 'tls-verify': 'false', cache: 'off', provenance: 'true' },
    'build-args': `WHO=ada\nTOKEN=${SECRET}`,
    secrets: `token=${SECRET}`,
    ...inputs,
  },
})

interface AttestationManifest {
  readonly layers: readonly [{ readonly digest: string }]
}

interface Statement {
  readonly subject: readonly { readonly name: string }[]
}

async function statementOf(digest: string): Promise<Statement> {
  return JSON.parse((await getBlob(image, digest)).toString()) as Statement
}

test('an image has its provenance beside it, where BuildKit puts it, and readers find it there', async () => {
  const { outputs } = await succeed(step({ tags: '1\n2' }))
  const { bytes } = await getManifest(`${image}:1`)
  expect(outputs['digest']).toBe(digestOf(bytes))
  expect((await getManifest(`${image}:2`)).bytes).toStrictEqual(bytes)
  const [own1, attached, none] = manifestsOf(bytes)
  expect(none).toBeUndefined()
  expect(JSON.parse(outputs['platform-digests'] ?? '')).toStrictEqual({ [own]: own1?.digest })
  expect(attached).toMatchObject({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': own1?.digest,
    },
  })
  const manifest = JSON.parse(
    (await getManifest(`${image}@${attached?.digest ?? ''}`)).bytes.toString(),
  ) as AttestationManifest
  expect(manifest).toMatchObject({
    artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
    subject: { digest: own1?.digest },
  })
  const statement = await statementOf(manifest.layers[0].digest)
  expect(statement.subject.map(({ name }) => name)).toStrictEqual(
    ['1', '2'].map((tag) => `pkg:docker/${registry.host}/acme/web@${tag}?platform=${encodeURIComponent(own)}`),
  )
  const provenance = (await imagetools(`${image}:1`, '.Provenance')) as Predicates
  expect(provenance.SLSA).toMatchObject({
    buildDefinition: {
      externalParameters: { request: { args: { 'build-arg:WHO': 'ada', 'build-arg:TOKEN': '***' } } },
    },
  })
  const { digest } = await pullImage(base)
  expect(JSON.stringify(provenance)).toContain(digest.slice('sha256:'.length))
  expect(JSON.stringify(statement) + JSON.stringify(provenance)).not.toContain(SECRET)
  // Tools that know nothing of it take the image, or all of it.
  const folder = makeFolder('copied')
  await run('skopeo', [
    'copy',
    '--quiet',
    '--all',
    '--src-tls-verify=false',
    `docker://${image}:1`,
    `oci:${join(folder, 'oci')}:1`,
  ])
  await run('skopeo', [
    'copy',
    '--quiet',
    '--src-tls-verify=false',
    `docker://${image}:1`,
    `dir:${join(folder, 'dir')}`,
  ])
  const account = accountFor('user')
  const storage = ['--root', makeFolder('pulled', account), '--runroot', makeFolder('pulled-run', account)]
  const pulled = await run(
    'buildah',
    [...storage, '--storage-driver', 'vfs', 'pull', '--quiet', '--tls-verify=false', `${image}:1`],
    { account },
  )
  expect(`sha256:${pulled.toString().trim()}`).toBe(outputs['imageid'])
})

/** A package as an attacker names it, who owns one of those that are installed. */
const HOSTILE = '::error::<script>alert(1)</script>'
const SCRIPT = `set -eu
cd "$BUILDKIT_SCAN_SOURCE"
if touch x 2>/dev/null; then exit 3; fi
test ! -e "$HOME/.docker" && touch /tmp/x
printf '{"spdxVersion":"SPDX-2.3","name":"%s %s","packages":[{"name":"${HOSTILE}"}]}' "$(cat app)" "$BUILDKIT_SCAN_COLOUR" \\
  >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
ln -s /etc/passwd "$BUILDKIT_SCAN_DESTINATION/other.spdx.json"`

test('a generator scans the files of the image, and its SPDX lies beside the provenance', async () => {
  const generator = await withSettings(base, 'generator', { Entrypoint: ['/bin/sh', '-c'], Cmd: [SCRIPT] })
  const { log, summary } = await succeed(
    step({ tags: '3', sbom: `generator=${generator},COLOUR=red $HOME`, provenance: 'mode=min' }),
  )
  const { bytes } = await getManifest(`${image}:3`)
  const [, attached] = manifestsOf(bytes)
  const manifest = JSON.parse(
    (await getManifest(`${image}@${attached?.digest ?? ''}`)).bytes.toString(),
  ) as AttestationManifest
  expect(manifest.layers).toHaveLength(2)
  const read = (await imagetools(`${image}:3`, '.SBOM')) as Predicates
  expect(read.SPDX).toMatchObject({ spdxVersion: 'SPDX-2.3', name: 'app red $HOME', packages: [{ name: HOSTILE }] })
  expect(((await imagetools(`${image}:3`, '.Provenance')) as Predicates).SLSA).toBeDefined()
  expect(log + summary).not.toContain('alert(1)')
  expect(log).toMatch(/^(?:::group::)?SBOM: /m)
  expect(summary).toContain('SBOM')
})

test('a generator that can’t be pulled, or fails, is an error before anything is pushed', async () => {
  const missing = await fail(step({ tags: '4', sbom: `generator=${registry.host}/base/none:1` }))
  expect(missing.error).toContain('Input "sbom": the generator')
  expect(missing.error).toContain("can't be pulled, since its registry has none with this name. Nothing was built.")
  expect(missing.log).not.toMatch(/^STEP /m)
  expect(missing.error).toContain('`sbom: generator=')
  const broken = await withSettings(base, 'broken', { Entrypoint: ['/bin/sh', '-c'], Cmd: ['echo no >&2; exit 9'] })
  const failed = await fail(step({ tags: '4', sbom: `generator=${broken}` }))
  expect(failed.error).toContain('failed. Nothing was pushed.')
  await expect(getManifest(`${image}:4`)).rejects.toThrow()
})

test('of several platforms each has its own, made without an emulator', async () => {
  const foreign = own === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
  const both = await indexOfPlatforms(base, 'both', [foreign])
  const generator = await withSettings(base, 'platforms', { Entrypoint: ['/bin/sh', '-c'], Cmd: [SCRIPT] })
  const workspace = { Dockerfile: `FROM ${both}\nCOPY app /app\n`, app: 'app' }
  const inputs = {
    ...{ tags: '5', platforms: `${foreign},${own}`, sbom: `generator=${generator},COLOUR=red` },
    outputs: 'type=oci,dest=web.tar',
  }
  const done = await succeed({ ...step(inputs), workspace })
  const entries = manifestsOf((await getManifest(`${image}:5`)).bytes)
  const archived = await publish(done.workspace, `${image}:9`)
  expect(archived.map(({ platform }) => platform)).toStrictEqual(entries.map(({ platform }) => platform))
  const described = archived.map(({ annotations }) => annotations?.['vnd.docker.reference.digest'])
  expect(described).toStrictEqual([undefined, undefined, archived[0]?.digest, archived[1]?.digest])
  expect(entries.map(({ platform }) => `${platform.os}/${platform.architecture}`)).toStrictEqual([
    ...[foreign, own],
    ...['unknown/unknown', 'unknown/unknown'],
  ])
  const read = (await imagetools(`${image}:5`, '.SBOM')) as Readonly<Record<string, Predicates>>
  for (const platform of [foreign, own]) expect(read[platform]?.SPDX).toMatchObject({ name: 'app red' })
})

/** Copies all that an archive in the workspace has into the registry. */
async function publish(workspace: string, reference: string): Promise<readonly IndexManifest[]> {
  const archive = `oci-archive:${join(workspace, 'web.tar')}`
  await run('skopeo', ['copy', '--quiet', '--all', '--dest-tls-verify=false', archive, `docker://${reference}`])
  return manifestsOf((await getManifest(reference)).bytes)
}

test('an OCI archive has them too, also where nothing is pushed, and readers find them in it', async () => {
  const generator = await withSettings(base, 'archived', { Entrypoint: ['/bin/sh', '-c'], Cmd: [SCRIPT] })
  const inputs = { push: 'false', outputs: 'type=oci,dest=web.tar', sbom: `generator=${generator},COLOUR=red` }
  const { workspace, outputs, log } = await succeed(step({ ...inputs, tags: '6' }))
  expect(log).not.toContain('Attestations: ')
  const [own1, attached, none] = await publish(workspace, `${image}:6`)
  expect(none).toBeUndefined()
  expect(own1?.platform).toMatchObject({ os: 'linux', architecture: ownArchitecture() })
  expect(attached?.annotations).toMatchObject({ 'vnd.docker.reference.digest': own1?.digest })
  expect(((await imagetools(`${image}:6`, '.SBOM')) as Predicates).SPDX).toMatchObject({ name: 'app red' })
  expect(((await imagetools(`${image}:6`, '.Provenance')) as Predicates).SLSA).toBeDefined()
  const { manifest } = await pullImage(`oci-archive:${join(workspace, 'web.tar')}`)
  expect(manifest.config.digest).toBe(outputs['imageid'])
})

test('provenance that is for registries alone is in no archive', async () => {
  const inputs = { outputs: 'type=oci,dest=web.tar', provenance: 'mode=min,inline-only=true', tags: '7' }
  const { workspace } = await succeed(step(inputs))
  expect(manifestsOf((await getManifest(`${image}:7`)).bytes)).toHaveLength(2)
  expect(await publish(workspace, `${image}:8`)).toBeUndefined()
})
