import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { GITHUB_TOKEN, REQUEST_TOKEN, statementIn } from '../harness/attestation-services.js'
import { succeed } from '../harness/clean-step.js'
import { makeFolder, makeWorkspace, removeFolders } from '../harness/folders.js'
import { type InterceptingProxy, startInterceptingProxy } from '../harness/intercepting-proxy.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { withoutMasks } from '../harness/runner.js'

jest.setTimeout(180_000)

let registry: Registry
let proxy: InterceptingProxy

beforeAll(async () => {
  registry = await startRegistry()
  proxy = await startInterceptingProxy(makeFolder('proxy', accountFor('user')))
})

afterAll(async () => {
  await proxy.end()
  await registry.stop()
  await removeFolders()
})

async function fetched(path: string, accept: string): Promise<unknown> {
  const response = await fetch(`http://${registry.host}/v2/acme/web/${path}`, { headers: { accept } })
  expect(response.status).toBe(200)
  return await response.json()
}

// All of it at once: what is bundled, the connections, and what stays in the registry.
test('a pushed image is declared and attested, with GitHub and in the registry, and no token is anywhere', async () => {
  const files = makeWorkspace({ declared: '', list: '{"version":1,"subjects":[]}' }, accountFor('user'))
  const step = await succeed({
    workspace: { Dockerfile: 'FROM scratch\nCOPY page /page\n', page: 'hello' },
    inputs: {
      ...{ images: `${registry.host}/acme/web`, push: 'true', 'tls-verify': 'false' },
      ...{ attest: 'registry', artifacts: 'true', 'github-token': GITHUB_TOKEN },
    },
    env: {
      ...proxy.env,
      ACTIONS_ID_TOKEN_REQUEST_URL: 'https://tokens.actions.githubusercontent.com/idtoken?api-version=2.0',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: REQUEST_TOKEN,
      GITHUB_ARTIFACTS: join(files, 'declared'),
      GITHUB_ARTIFACTS_LIST: join(files, 'list'),
    },
  })
  const { digest = '' } = step.outputs
  expect(readFileSync(join(files, 'declared'), 'utf8')).toBe(`${registry.host}/acme/web:latest@${digest}\n`)
  const [bundle, ...others] = proxy.services.stored
  if (bundle === undefined || others.length > 0) throw new Error('not one bundle')
  expect(() => proxy.services.verify(bundle, 'open')).not.toThrow()
  expect(statementIn(bundle)).toMatchObject({
    subject: [{ name: `${registry.host}/acme/web`, digest: { sha256: digest.slice('sha256:'.length) } }],
  })

  const index = await fetched(`manifests/${digest.replace(':', '-')}`, 'application/vnd.oci.image.index.v1+json')
  const { manifests } = index as { manifests: readonly { digest: string; artifactType: string }[] }
  expect(manifests).toMatchObject([{ artifactType: bundle.mediaType }])
  const attached = await fetched(
    `manifests/${manifests[0]?.digest ?? ''}`,
    'application/vnd.oci.image.manifest.v1+json',
  )
  const { layers, subject } = attached as { layers: readonly { digest: string }[]; subject: { digest: string } }
  expect(subject.digest).toBe(digest)
  await expect(fetched(`blobs/${layers[0]?.digest ?? ''}`, '*/*')).resolves.toStrictEqual(bundle)

  expect(step.summary).toContain(`gh attestation verify oci://${registry.host}/acme/web@${digest} --repo acme/web\n`)
  const shown = [withoutMasks(step.log), step.summary, JSON.stringify(step.outputs), JSON.stringify(step.state)].join(
    '\n',
  )
  for (const secret of proxy.services.secrets) expect(shown).not.toContain(secret)
})
