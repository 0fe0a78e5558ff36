import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import { debianImage } from './base-image.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { repository } from './runner-files.js'

/** What GitHub's own image for runner pods comes down to: an account `runner`, and a Node. */
const runnerImage = (debian: string, uid: number): string => `FROM ${debian}
RUN useradd --create-home --uid ${uid} runner
COPY node /usr/local/bin/node
USER runner
`

/**
 * Builds docs/arc/Dockerfile on an image like GitHub's, as an archive.
 * @param registry host and port of one without a login, for the base image to pass through
 * @param node a program that needs no more than Debian has
 */
export async function arcImage(registry: string, node: string): Promise<string> {
  const folder = makeFolder('arc')
  writeFileSync(join(folder, 'Dockerfile'), runnerImage(await debianImage(registry), accountFor('user').uid))
  copyFileSync(node, join(folder, 'node'))
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay']
  const how = ['--isolation', 'chroot', '--network', 'host', '--tls-verify=false', '--ignorefile', '/dev/null']
  await run('buildah', [...storage, 'build', ...how, '--tag', 'localhost/runner', folder])
  const given = ['--build-arg', 'RUNNER_IMAGE=localhost/runner']
  await run('buildah', [...storage, 'build', ...how, ...given, '--tag', 'arc', join(repository, 'docs/arc')])
  const archive = join(folder, 'arc.tar')
  await run('buildah', [...storage, 'push', '--quiet', 'arc', `docker-archive:${archive}:arc:1`])
  return archive
}
