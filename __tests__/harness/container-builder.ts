import { chmodSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { accountFor } from './account.js'
import { run } from './command.js'
import { buildkitPrograms, type DockerPlace, startDocker } from './docker-daemon.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** A builder with Buildx's driver `docker-container`, which Docker's daemon runs. */
export interface ContainerBuilder {
  /** Environment of a step that finds it, by the name `boxed`. */
  readonly environment: NonNullable<StepOptions['env']>
  stop(): Promise<void>
}

const IMAGE = 'moby/buildkit:made-for-tests'
const ours = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Starts Docker's daemon, and BuildKit in a container of it. Ask `dockerReason` before. */
export async function startContainerBuilder(): Promise<ContainerBuilder> {
  const runtime = join(makeFolder('runtime'), 'runc')
  copyFileSync(ours('runc-within-bounds.mjs'), `${runtime}.mjs`)
  symlinkSync(`${runtime}.mjs`, runtime)
  chmodSync(runtime, 0o755)
  const docker = await startDocker({ runtimes: { bounded: { path: runtime } }, 'default-runtime': 'bounded' })
  const account = accountFor('user')
  const config = makeFolder('docker-config', account)
  mkdirSync(join(config, 'cli-plugins'))
  copyFileSync(buildkitPrograms().buildx, join(config, 'cli-plugins/docker-buildx'))
  await importBuildkit(docker)
  const options = ['--driver-opt', `image=${IMAGE}`, '--driver-opt', 'network=host', '--bootstrap']
  const create = ['buildx', 'create', '--name', 'boxed', '--driver', 'docker-container', ...options]
  await docker.run('--config', config, ...create)
  await run('chown', ['--recursive', `${account.uid}:${account.gid}`, config])
  return { environment: { ...docker.environment('none'), DOCKER_CONFIG: config }, stop: () => docker.stop() }
}

/** Makes the image that the container is of: there is no registry to take it from. */
async function importBuildkit(docker: DockerPlace): Promise<void> {
  const root = makeFolder('buildkit-root')
  const runc = (await run('sh', ['-c', 'command -v runc'])).toString().trim()
  const programs = {
    buildkitd: buildkitPrograms().buildkitd,
    buildctl: ours('buildctl.cjs'),
    runc,
    node: process.execPath,
  }
  for (const name of ['tmp', 'etc', 'usr/bin']) mkdirSync(join(root, name), { recursive: true })
  for (const [name, path] of Object.entries(programs)) {
    copyFileSync(path, join(root, 'usr/bin', name))
    chmodSync(join(root, 'usr/bin', name), 0o755)
  }
  for (const library of await librariesOf([runc, process.execPath])) {
    mkdirSync(join(root, dirname(library)), { recursive: true })
    copyFileSync(library, join(root, library))
  }
  const archive = join(makeFolder('buildkit-archive'), 'root.tar')
  await run('tar', ['--create', '--file', archive, '--directory', root, '.'])
  const settings = ['ENTRYPOINT ["buildkitd"]', 'ENV PATH=/usr/bin'].flatMap((line) => ['--change', line])
  await docker.run('import', ...settings, archive, IMAGE)
}

/** Paths of the shared libraries that programs are linked with. */
async function librariesOf(programs: readonly string[]): Promise<ReadonlySet<string>> {
  const listed = (await run('ldd', programs)).toString()
  return new Set([...listed.matchAll(/^\t(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path = '']) => path))
}
