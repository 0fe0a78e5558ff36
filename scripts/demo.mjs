/**
 * The main job, for real, on a fresh Debian or Ubuntu machine that has Node and nothing else:
 *
 *   node scripts/demo.mjs
 *
 * Runs the committed dist/ as GitHub's runner does on examples/hello, pushes to a registry on loopback, pulls the image
 * back and runs it. Started by root it builds without root all the same. What is missing for the demo itself is fetched
 * as packages and unpacked in a temporary folder; Buildah is installed by the action, since that is one of its jobs.
 */
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { makeJob, runStep } from './demo/job.mjs'
import { DemoError, findAccount, isRoot, run, startRegistry, unpackPackages } from './demo/machine.mjs'

const accountOfAction = 'rootless-build'
const greeting = 'Built without root.'

async function main() {
  const foldersBefore = buildahFolders()
  const hadBuildah = spawnSync('buildah', ['version']).status === 0
  const hadAccount = findAccount(accountOfAction) !== undefined
  const folder = fs.mkdtempSync(join(tmpdir(), 'rootless-image-build-demo-'))
  fs.chmodSync(folder, 0o755)
  // Ctrl-C reaches the step, too, which then fails; the demo lives on to clean up.
  process.on('SIGINT', () => {})
  let registry
  try {
    unpackPackages(['docker-registry', 'busybox-static'], join(folder, 'packages'))
    registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    makeJob(join(folder, 'job'), busyboxBelow(join(folder, 'packages')))
    const step = await runStep(join(folder, 'job'), {
      images: `${registry.host}/acme/hello`,
      tags: '1.0.0\nlatest',
      'build-args': `GREETING=${greeting}`,
      push: 'true',
      'tls-verify': 'false',
    })
    const pushed = await checkRegistry(registry.host, step.outputs)
    const back = pullAndRun(join(folder, 'pulled'), `${registry.host}/acme/hello@${step.outputs.digest}`)
    printTable(step, pushed, back)
    if (!hadBuildah) console.log('Buildah and what it needs stay installed; everything else is gone again.')
  } finally {
    registry?.stop()
    removeFolder(folder)
    for (const path of buildahFolders()) {
      if (!foldersBefore.includes(path)) fs.rmSync(path, { recursive: true, force: true })
    }
    if (!hadAccount && isRoot && findAccount(accountOfAction)) run('userdel', ['--remove', accountOfAction])
  }
}

function busyboxBelow(packages) {
  const found = ['bin/busybox', 'usr/bin/busybox']
    .map((path) => join(packages, path))
    .find((path) => fs.existsSync(path))
  if (found === undefined) throw new DemoError('The package busybox-static has no busybox')
  return found
}

/** Holds the step's outputs against what the registry has, and gives the layers. */
async function checkRegistry(host, outputs) {
  if (outputs.rootless !== 'true') throw new DemoError(`The output "rootless" is ${outputs.rootless}, not true`)
  const references = outputs.tags.split('\n')
  let manifest
  for (const reference of [`${host}/acme/hello:1.0.0`, `${host}/acme/hello:latest`]) {
    if (!references.includes(reference))
      throw new DemoError(`The output "tags" has no ${reference}: ${references.join(', ')}`)
    const url = `http://${host}/v2/acme/hello/manifests/${reference.split(':').at(-1)}`
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
    const answer = await fetch(url, { headers: { accept } })
    const digest = answer.headers.get('docker-content-digest')
    if (!answer.ok) throw new DemoError(`The registry answers ${answer.status} for ${reference}`)
    if (digest !== outputs.digest)
      throw new DemoError(`The registry has ${reference} as ${digest}, the output says ${outputs.digest}`)
    manifest = await answer.json()
  }
  return { references, layers: manifest.layers }
}

/** Who builds: whoever runs the demo, or, when that is root, whom the action takes then. */
function unprivilegedAccount() {
  return findAccount(isRoot ? (process.env.SUDO_UID ?? accountOfAction) : String(process.getuid()))
}

/** Pulls the image into a storage of its own and runs it, as an account that is not root. */
function pullAndRun(folder, reference) {
  const account = unprivilegedAccount()
  if (account === undefined) throw new DemoError('There is no account without root to run the image')
  const runtime = join(folder, 'runtime')
  for (const path of [folder, runtime]) {
    fs.mkdirSync(path, { mode: 0o700 })
    if (isRoot) fs.chownSync(path, account.uid, account.gid)
  }
  const options = {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: account.home, USER: account.name, TMPDIR: folder, XDG_RUNTIME_DIR: runtime },
    ...(isRoot && { uid: account.uid, gid: account.gid }),
  }
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
  const started = performance.now()
  const container = run('buildah', [...storage, 'from', '--quiet', '--tls-verify=false', reference], options).trim()
  const said = run(
    'buildah',
    [...storage, 'run', '--isolation', 'chroot', container, '--', '/hello.sh'],
    options,
  ).trim()
  if (!said.startsWith(greeting)) throw new DemoError(`The image was to say "${greeting}" and said "${said}"`)
  return { account: account.name, said, seconds: (performance.now() - started) / 1000 }
}

function printTable(step, { references, layers }, back) {
  const bytes = layers.reduce((sum, layer) => sum + layer.size, 0)
  const seconds = [`main ${step.mainSeconds.toFixed(1)} s`, `post ${step.postSeconds.toFixed(1)} s`]
  const rows = [
    ...references.map((reference, index) => [index === 0 ? 'pushed' : '', reference]),
    ['digest', step.outputs.digest],
    ['size', `${(bytes / 1e6).toFixed(2)} MB in ${layers.length} layers, as the registry holds them`],
    ['built by', `${step.outputs.engine} ${step.outputs['engine-version']}, without root`],
    ['pulled back', `run by ${back.account}, it says: ${back.said}`],
    ['times', [...seconds, `pulled back and run ${back.seconds.toFixed(1)} s`].join(', ')],
  ]
  console.log('')
  for (const [name, value] of rows) console.log(`${name.padEnd(13)}${value}`)
}

function removeFolder(folder) {
  // Without root, only the namespace of a storage may remove the files in it that belong to subordinate IDs.
  const storages = ['pulled', 'job/tools'].map((path) => join(folder, path)).filter((path) => fs.existsSync(path))
  if (!isRoot && storages.length > 0) spawnSync('buildah', ['unshare', 'rm', '-rf', ...storages])
  fs.rmSync(folder, { recursive: true, force: true })
}

/** Empty folders that Buildah makes for an account on a machine without a login session, and leaves. */
function buildahFolders() {
  const uid = unprivilegedAccount()?.uid
  const names = [`containers-user-${uid}`, `podman-run-${uid}`]
  return ['/tmp', '/var/tmp'].flatMap((folder) => names.map((name) => join(folder, name))).filter(fs.existsSync)
}

try {
  await main()
} catch (error) {
  console.error(error instanceof DemoError ? `\nThe demo failed. ${error.message}` : error)
  process.exitCode = 1
}
