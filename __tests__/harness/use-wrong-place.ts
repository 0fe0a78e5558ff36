import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll } from '@jest/globals'

import { makeFolder } from './folders.js'
import { serveGit } from './git-http.js'
import type { CasePlace } from './known-wrong-cases.js'
import { writeOciLayout } from './oci-layout.js'
import { indexOfPlatforms, ownArchitecture } from './platform-images.js'
import { pushLayout } from './registry-client.js'
import { pushTwin } from './staleness-stages.js'
import { useRegistry } from './use-registry.js'

/** What cases are built of, and the host and port of the registry that it lies in; it is gone after the tests of a file. */
export async function useWrongPlace(): Promise<CasePlace & { readonly registry: string }> {
  const { registry, base } = await useRegistry()
  const [light, dark] = [`${registry.host}/base/twin:light`, `${registry.host}/base/twin:dark`]
  await pushTwin(light, 'light')
  await pushTwin(dark, 'dark')
  const repositories = makeFolder('repositories')
  makeRepository(join(repositories, 'source.git'))
  const git = await serveGit(repositories)
  afterAll(() => git.close())
  const withVolume = `${registry.host}/base/volume:1`
  await pushVolume(withVolume)
  const foreign = ownArchitecture() === 'arm64' ? 'linux/amd64' : 'linux/arm64'
  const both = await indexOfPlatforms(base, 'both', [foreign])
  return {
    registry: registry.host,
    base,
    both,
    foreign,
    light,
    dark,
    withVolume,
    repository: `${git.origin}/source.git`,
  }
}

/** A bare repository with one commit. */
function makeRepository(bare: string): void {
  const tree = makeFolder('tree')
  writeFileSync(join(tree, 'kept'), 'kept')
  const git = (...args: string[]): void => {
    execFileSync('git', ['-C', tree, '-c', 'user.name=test', '-c', 'user.email=test@example.invalid', ...args])
  }
  git('init', '--quiet', '--initial-branch=main')
  git('add', 'kept')
  git('commit', '--quiet', '--message=One')
  git('clone', '--quiet', '--bare', tree, bare)
}

/** Pushes an image of busybox alone that has a volume. */
async function pushVolume(reference: string): Promise<void> {
  const folder = makeFolder('volume')
  const files = makeFolder('volume-files')
  execFileSync('install', ['-D', '/bin/busybox', join(files, 'bin/sh')])
  execFileSync('install', ['--directory', join(files, 'data')])
  execFileSync('tar', [
    '--create',
    '--owner=0',
    '--group=0',
    '--file',
    join(folder, 'files.tar'),
    '--directory',
    files,
    '.',
  ])
  const config = { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], Volumes: { '/data': {} } }
  await writeOciLayout(join(folder, 'layout'), join(folder, 'files.tar'), config)
  await pushLayout(join(folder, 'layout'), reference)
}
