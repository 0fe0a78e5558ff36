import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { parse } from 'yaml'

import { accountFor } from '../harness/account.js'
import { run } from '../harness/command.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { type Login, type Registry, startRegistry } from '../harness/registry.js'
import { runAction } from '../harness/runner.js'
import { parseCommandFile, repository } from '../harness/runner-files.js'

// The steps of build-image.yml behind the build: a test of the image where it was built, and the push of that image.

jest.setTimeout(180_000)

const login: Login = { username: 'ada', password: 'workflow-Kd8sWq3Z' }
let registry: Registry

beforeAll(async () => {
  registry = await startRegistry({ login })
})

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

interface Workflow {
  readonly jobs: { readonly build: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] } }
}

const workflow = parse(readFileSync(join(repository, '.github/workflows/build-image.yml'), 'utf8')) as Workflow

const scriptOf = (name: string): string => workflow.jobs.build.steps.find((step) => step.name === name)?.run ?? 'exit 9'

test('the image that is tested is the one that is pushed', async () => {
  const images = `${registry.host}/acme/web`
  const step = await runAction({
    workspace: { Dockerfile: 'FROM scratch\nCOPY said /said\n', said: 'hello' },
    inputs: { images, tags: 'a\nb', cache: 'off' },
    only: 'main',
  })
  expect(step.exitCode).toBe(0)
  const outputFile = join(step.temp, 'output')
  const env = {
    CONTAINERS_STORAGE_CONF: step.outputs['storage-conf'] ?? '',
    CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host),
    GITHUB_OUTPUT: outputFile,
    IMAGE_ID: step.outputs['imageid'] ?? '',
    PASSWORD: login.password,
    REGISTRY: registry.host,
    TAGS: step.outputs['tags'] ?? '',
    TEST: 'container=$(buildah from --pull-never "$IMAGE")\nbuildah unshare sh -c \'cat "$(buildah mount "$1")/said"\' - "$container"',
    USERNAME: login.username,
  }
  const account = accountFor('user')
  const runScript = (name: string) =>
    run('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', scriptOf(name)], {
      account,
      cwd: step.workspace,
      env,
    })
  writeFileSync(outputFile, '', { mode: 0o666 })
  await run('chmod', ['a+w', outputFile])

  expect((await runScript('Test')).toString()).toBe('hello')
  await runScript('Push what was tested')

  const outputs = parseCommandFile(readFileSync(outputFile, 'utf8'))
  const [a, b] = await Promise.all(['a', 'b'].map((tag) => pullImage(`${images}:${tag}`, login)))
  expect(a?.manifest.config.digest).toBe(step.outputs['imageid'])
  expect(JSON.parse(outputs['pushed'] ?? '')).toStrictEqual(
    [a, b].map((image, index) => ({
      reference: `${images}:${'ab'.charAt(index)}`,
      digest: image?.digest,
      registry: registry.host,
    })),
  )
})
