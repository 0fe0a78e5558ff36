import { copyFileSync, existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { debianImage } from './base-image.js'
import { run } from './command.js'
import { cacheFolder, makeFolder } from './folders.js'
import { architecture } from './oci-layout.js'

/**
 * What act's own images for jobs come down to, with Buildah: Debian with Node and Git. newuidmap has its capability from
 * the file, as docs/runners.md asks for in a container.
 */
const dockerfile = (debian: string): string => `FROM ${debian}
RUN apt-get update --quiet \\
 && apt-get install --yes --quiet --no-install-recommends buildah ca-certificates fuse-overlayfs git libcap2-bin uidmap zstd \\
 && chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap \\
 && setcap cap_setuid+ep /usr/bin/newuidmap \\
 && setcap cap_setgid+ep /usr/bin/newgidmap \\
 && rm -rf /var/lib/apt/lists/*
COPY node /usr/local/bin/node
`

/**
 * An image for a job by act, as an archive. It is made once, by root, and then kept in the cache.
 * @param registry host and port of one without a login, for the base image to pass through
 * @param node a program that needs no more than Debian has
 */
export async function actJobImage(registry: string, node: string): Promise<string> {
  const archive = join(cacheFolder(), `act-job-${architecture}-2.tar`)
  if (existsSync(archive)) return archive
  const folder = makeFolder('act-job')
  writeFileSync(join(folder, 'Dockerfile'), dockerfile(await debianImage(registry)))
  copyFileSync(node, join(folder, 'node'))
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay']
  const how = ['--isolation', 'chroot', '--network', 'host', '--tls-verify=false', '--ignorefile', '/dev/null']
  await run('buildah', [...storage, 'build', ...how, '--tag', 'act-job', folder])
  // An interrupted run leaves nothing that looks done.
  await run('buildah', [...storage, 'push', '--quiet', 'act-job', `docker-archive:${archive}.unfinished:act-job:1`])
  renameSync(`${archive}.unfinished`, archive)
  return archive
}
