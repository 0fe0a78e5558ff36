import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { cacheFolder, makeFolder } from './folders.js'

/**
 * The static busybox of another architecture (Debian's names: `arm64`), out of Debian's own package, with a state of apt
 * that is the tests' own. It is fetched once and then kept in the cache.
 * @returns its path, or the reason why it can't be had
 */
export function foreignBusybox(architecture: string): { readonly path: string } | { readonly missing: string } {
  const kept = join(cacheFolder(), `busybox-static-${architecture}`)
  if (existsSync(kept)) return { path: kept }
  const folder = makeFolder('foreign-busybox')
  for (const name of ['lists/partial', 'cache/archives/partial', 'files'])
    mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, 'status'), '')
  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '',
    'APT::Update::Error-Mode': 'any',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const start = (program: string, ...args: readonly string[]) => {
    const { status, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' })
    return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? '')
  }
  const archive = () => readdirSync(folder).find((name) => name.endsWith('.deb')) ?? ''
  const failure =
    start('apt-get', '-qq', ...options, 'update') ??
    start('apt-get', '-qq', ...options, 'download', `busybox-static:${architecture}`) ??
    start('dpkg-deb', '--extract', archive(), 'files')
  if (failure !== undefined) return { missing: `Debian's busybox for ${architecture} can't be fetched: ${failure}` }
  const found = ['bin', 'usr/bin'].map((place) => join(folder, 'files', place, 'busybox')).find(existsSync)
  if (found === undefined) return { missing: `Debian's package has no busybox for ${architecture}` }
  copyFileSync(found, `${kept}.${process.pid}`)
  renameSync(`${kept}.${process.pid}`, kept)
  return { path: kept }
}
