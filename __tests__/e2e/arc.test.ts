import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, jest, test } from '@jest/globals'
import { parse } from 'yaml'

import { accountFor } from '../harness/account.js'
import { arcImage } from '../harness/arc-image.js'
import { succeed } from '../harness/clean-step.js'
import { startContainer } from '../harness/container.js'
import { daemonReason } from '../harness/docker-daemon.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { findNode } from '../harness/nodes.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { repository } from '../harness/runner-files.js'
import { testUnless } from '../harness/skipping.js'
import { describeExhaustively, isExhaustive } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useRegistry } from '../harness/use-registry.js'
import { warnings } from '../harness/warm-steps.js'

jest.setTimeout(600_000)

const node = findNode(24)
// The image takes minutes to make.
const unwanted = isExhaustive ? undefined : 'only tested in the exhaustive set'
const reason = unwanted ?? ('missing' in node ? node.missing : daemonReason())
const docker = await useDocker(reason)
const { registry, base } = await useRegistry()

interface SecurityContext {
  readonly allowPrivilegeEscalation: boolean
  readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] }
  readonly seccompProfile: { readonly type: string }
  readonly appArmorProfile: { readonly type: string }
}

/** The options by which Docker gives a container the rights of the pod in docs/arc/values.yaml, and no others. */
function podRights(): string[] {
  const values = parse(readFileSync(join(repository, 'docs/arc/values.yaml'), 'utf8')) as {
    readonly template: {
      readonly spec: { readonly containers: readonly [{ readonly securityContext: SecurityContext }] }
    }
  }
  const { allowPrivilegeEscalation, capabilities, ...profiles } = values.template.spec.containers[0].securityContext
  expect([profiles.seccompProfile.type, profiles.appArmorProfile.type]).toStrictEqual(['Unconfined', 'Unconfined'])
  return [
    ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...(allowPrivilegeEscalation ? [] : ['--security-opt', 'no-new-privileges']),
    ...capabilities.drop.flatMap((name) => ['--cap-drop', name]),
    ...capabilities.add.flatMap((name) => ['--cap-add', name]),
  ]
}

test('the pod of docs/arc has the rights that newuidmap needs, and no others', () => {
  expect(podRights()).toStrictEqual([
    ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...['--cap-drop', 'ALL', '--cap-add', 'SETUID', '--cap-add', 'SETGID'],
  ])
})

describeExhaustively('a pod of docs/arc', () => {
  testUnless(reason)('builds and pushes without root, by overlay', async () => {
    const program = 'missing' in node ? '' : node.program
    await docker.load(`docker-archive:${await arcImage(registry.host, program)}`, 'arc:1')
    const { uid, gid } = accountFor('user')
    const container = await startContainer(docker, 'arc:1', ['--user', `${uid}:${gid}`, ...podRights()])
    try {
      const step = await succeed({
        ...{ as: 'user', within: container.within, node: '/usr/local/bin/node' },
        workspace: { Dockerfile: `FROM ${base}\nRUN mkdir /srv && chown 7:7 /srv && echo built >/srv/one\n` },
        inputs: { images: `${registry.host}/acme/arc`, push: 'true', 'tls-verify': 'false', cache: 'off' },
        env: { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) },
      })
      expect(step.outputs).toMatchObject({ engine: 'buildah', rootless: 'true' })
      expect(/^Engine: Buildah .*$/m.exec(step.log)?.[0]).toContain('driver overlay,')
      expect(warnings(step)).toStrictEqual([])
      const pulled = await pullImage(`${registry.host}/acme/arc:latest`)
      expect(contentOf(pulled, 'srv/one').toString()).toBe('built\n')
    } finally {
      await container.remove()
    }
  })
})
