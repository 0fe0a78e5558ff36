import * as fs from 'node:fs'
import { dirname, join } from 'node:path'

import { isRoot } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { actAs } from './account.mjs'
import { runWell } from './child.mjs'

/**
 * Buildah as one would call it by hand, on a private folder that nothing of is there yet.
 * @param {string} own that folder
 * @param {{argv: string[], account: string, reference: string}} example a build as the action did it without its cache:
 * the command line is taken over word by word, but for paths and names
 * @param {string} reference where the image is pushed; its registry knows no TLS
 */
export function bareBuildah(own, example, reference) {
  const theirs = dirname(example.argv[example.argv.indexOf('--runroot') + 1])
  const words = example.argv.map((word) => word.replaceAll(theirs, own).replaceAll(example.reference, reference))
  const build = words.indexOf('build')
  const { account, prefix, env } = actAs(example.account)
  const storage = [...prefix, ...words.slice(0, build)]
  const unshare = [...prefix, words[0], 'unshare']
  const options = { cwd: own, env: { ...ownEnvironment(), ...env, ...privateEnvironment(own) } }
  return {
    make: () => makePrivateFolder(own, account, reference.split('/')[0]),
    build: (flags = []) => runWell([...storage, 'build', ...flags, ...words.slice(build + 1)], options),
    push: () => runWell([...storage, ...pushWords(own, reference)], options),
    /** Runs a program as root of the namespace that the layers belong to. */
    unshare: (argv) => runWell([...unshare, ...argv], options),
    /** Layers hold files of subordinate IDs: only root and the owner of their namespace may remove them. */
    async remove() {
      if (!fs.existsSync(own)) return
      await runWell([...(isRoot ? [] : unshare), 'rm', '-rf', own], { ...options, cwd: '/' })
    },
  }
}

function pushWords(own, reference) {
  const files = ['--authfile', join(own, 'auth.json'), '--digestfile', join(own, 'out/digest')]
  return ['push', ...files, '--format', 'oci', '--tls-verify=false', reference, `docker://${reference}`]
}

/** What would else lie in the account's home or be taken from there. */
function privateEnvironment(own) {
  return {
    CONTAINERS_STORAGE_CONF: join(own, 'storage.conf'),
    CONTAINERS_REGISTRIES_CONF: join(own, 'registries.conf'),
    TMPDIR: join(own, 'tmp'),
    XDG_RUNTIME_DIR: join(own, 'user'),
    XDG_DATA_HOME: join(own, 'data'),
    XDG_CACHE_HOME: join(own, 'cache'),
  }
}

function makePrivateFolder(own, account, host) {
  const folders = ['', 'root', 'run', 'tmp', 'user', 'data', 'cache', 'out']
  const files = {
    'auth.json': '{}',
    'policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}',
    'registries.conf': `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
    'storage.conf': `[storage]\ndriver = "overlay"\ngraphroot = "${own}/root"\nrunroot = "${own}/run"\n`,
  }
  for (const name of folders) fs.mkdirSync(join(own, name), { mode: 0o700 })
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(join(own, name), text)
  for (const name of [...folders, ...Object.keys(files)]) {
    if (isRoot) fs.chownSync(join(own, name), account.uid, account.gid)
  }
}
