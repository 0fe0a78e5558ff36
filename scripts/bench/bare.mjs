import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'

import { isRoot } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { actAs } from './account.mjs'
import { runWell } from './child.mjs'

export const bareTimes = { built: 'bare: build, push', removed: 'bare: build, push, remove the storage' }

/**
 * Buildah as one would call it by hand, in a private folder of its own that is new each time.
 * @param {string} folder where those private folders are made
 * @param {string} host of the registry, which knows no TLS
 * @param {() => {argv: string[], account: string, reference: string}} example the build as the action last did it: its
 * command line is taken over word by word, so that nothing but paths and names can differ
 * @returns {import('./interleave.mjs').Scenario}
 */
export function bareScenario(folder, host, example) {
  let turn = 0
  let call
  return {
    name: 'bare',
    prepare() {
      turn += 1
      call = prepareCall(join(folder, `bare-${turn}`), example(), `${host}/bench/bare-${turn}:1`)
      writeConfiguration(call, host)
    },
    async run() {
      const build = await runWell(call.build, call.options)
      const push = await runWell(call.push(), call.options)
      const removal = await runWell(call.remove, { ...call.options, cwd: '/' })
      const built = build.seconds + push.seconds
      return { [bareTimes.built]: built, [bareTimes.removed]: built + removal.seconds }
    },
    clean() {
      // Only a run that failed has left anything.
      if (call && fs.existsSync(call.own)) spawnSync(call.remove[0], call.remove.slice(1), { env: call.options.env })
    },
    lastReference: () => call.reference,
  }
}

function prepareCall(own, { argv, account: name, reference: theirName }, reference) {
  const theirs = dirname(argv[argv.indexOf('--root') + 1])
  const command = argv.map((word) => word.replaceAll(theirs, own).replaceAll(theirName, reference))
  const { account, prefix, env } = actAs(name)
  const at = (path) => join(own, path)
  const storage = command.slice(0, command.indexOf('build'))
  const files = ['--authfile', at('auth.json'), '--digestfile', at('out/digest')]
  const push = () => ['push', ...files, '--format', 'oci', '--tls-verify=false', reference, `docker://${reference}`]
  return {
    own,
    account,
    reference,
    driver: command[command.indexOf('--storage-driver') + 1],
    build: [...prefix, ...command],
    push: () => [...prefix, ...storage, ...push()],
    // Layers hold files of subordinate IDs: only root and the owner of their namespace may remove them.
    remove: isRoot ? ['rm', '-rf', own] : [command[0], 'unshare', 'rm', '-rf', own],
    options: { cwd: own, env: { ...ownEnvironment(), ...env, ...privateEnvironment(own) } },
  }
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

function writeConfiguration({ own, account, driver }, host) {
  const folders = ['', 'root', 'run', 'tmp', 'user', 'data', 'cache', 'out']
  const files = {
    'auth.json': '{}',
    'policy.json': '{"default":[{"type":"insecureAcceptAnything"}]}',
    'registries.conf': `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
    'storage.conf': `[storage]\ndriver = "${driver}"\ngraphroot = "${own}/root"\nrunroot = "${own}/run"\n`,
  }
  for (const name of folders) fs.mkdirSync(join(own, name), { mode: 0o700 })
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(join(own, name), text)
  for (const name of [...folders, ...Object.keys(files)]) {
    if (isRoot) fs.chownSync(join(own, name), account.uid, account.gid)
  }
}
