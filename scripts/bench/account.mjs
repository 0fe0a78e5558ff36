import * as fs from 'node:fs'
import { join } from 'node:path'

import { findAccount, isRoot, run } from '../demo/machine.mjs'

/** The account that the action makes when the step runs as root. */
export const accountOfAction = 'rootless-build'

/** Whether this account is here, and the empty folders that Buildah makes for an account and leaves. */
export function tracesOf(name) {
  const account = findAccount(isRoot ? (process.env.SUDO_UID ?? name) : String(process.getuid()))
  const uid = account?.uid
  const folders = ['/tmp', '/var/tmp'].flatMap((folder) =>
    [`containers-user-${uid}`, `podman-run-${uid}`, `storage-run-${uid}`].map((below) => join(folder, below)),
  )
  return { account: findAccount(name), folders: folders.filter((path) => fs.existsSync(path)) }
}

/** Removes what has come since `before` was taken. */
export function removeNewTraces(name, before) {
  const now = tracesOf(name)
  for (const path of now.folders) {
    if (!before.folders.includes(path)) fs.rmSync(path, { recursive: true, force: true })
  }
  if (before.account === undefined && now.account !== undefined && isRoot) run('userdel', ['--remove', name])
}

/** How to start a program as an account: the command line before it, and what of the environment is the account's. */
export function actAs(name) {
  const account = findAccount(name)
  const env = { HOME: account.home, USER: account.name, LOGNAME: account.name }
  if (!isRoot || account.uid === 0) return { account, prefix: [], env }
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups', '--inh-caps=-all']
  return { account, prefix: ['setpriv', ...identity, '--'], env }
}
