import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { type PulledImage, pullImage } from './images.js'
import { type CaseBuild, FAILS, type WrongCase } from './known-wrong-cases.js'
import { makeTree } from './staleness-tree.js'

/** Buildah alone, as the unprivileged account, with a storage of its own. */
export interface BareBuildah {
  /** The image of the last of these builds, which share a cache; `fails`, if that build does. */
  build(name: string, builds: readonly CaseBuild[], storage?: WrongCase['storage']): Promise<PulledImage | typeof FAILS>
}

/**
 * @param program path of Buildah
 * @param registry host and port of one without TLS
 */
export function bareBuildah(program: string, registry: string): BareBuildah {
  const account = accountFor('user')
  const home = makeFolder('bare', account)
  // The account may have no way to where the program is.
  const own = join(makeFolder('buildah'), 'buildah')
  copyFileSync(program, own)
  chmodSync(own, 0o755)
  const configured = makeFolder('bare-conf')
  const registries = `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`
  writeFileSync(join(configured, 'registries.conf'), registries)
  writeFileSync(join(configured, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const tmp = makeFolder('bare-tmp', account)
  const env = {
    ...{ HOME: home, XDG_RUNTIME_DIR: home, TMPDIR: tmp, no_proxy: '', NO_PROXY: '' },
    CONTAINERS_REGISTRIES_CONF: join(configured, 'registries.conf'),
  }
  const buildah = (storage: string, args: readonly string[]): Promise<Buffer> => {
    const root = ['--root', join(home, storage), '--runroot', join(home, `${storage}-run`), '--storage-driver', storage]
    return run(own, [...root, ...args], { account, env })
  }
  const policy = ['--signature-policy', join(configured, 'policy.json')]
  return {
    build: async (name, builds, storage) => {
      const driver = storage ?? 'vfs'
      for (const [index, each] of builds.entries()) {
        const context = await makeTree({ ...each.files, Dockerfile: `${each.lines.join('\n')}\n` }, account)
        const args = ['build', ...policy, '--layers', '--isolation', 'chroot', '--tag', `localhost/${name}`]
        const built = buildah(driver, [...args, ...flagsOf(each, context), context])

        if (index < builds.length - 1) await built
        else if ((await built.catch(() => undefined)) === undefined) return FAILS
      }
      const folder = makeFolder('bare-image', account)
      await buildah(driver, ['push', ...policy, '--quiet', `localhost/${name}`, `dir:${join(folder, 'image')}`])
      return await pullImage(`dir:${join(folder, 'image')}`)
    },
  }
}

function flagsOf(build: CaseBuild, context: string): string[] {
  const { buildArgs = [], labels = [], annotations = [], timestamp, contexts = [], platform, target } = build
  const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value])
  return [
    ...['--file', join(context, 'Dockerfile')],
    ...each('--build-arg', buildArgs),
    ...each('--label', labels),
    ...each('--annotation', annotations),
    ...(timestamp === undefined ? [] : ['--timestamp', timestamp]),
    ...each(
      '--build-context',
      contexts.map((given) => given.replace(/=other$/, `=${context}/other`)),
    ),
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...(target === undefined ? [] : ['--target', target]),
  ]
}
