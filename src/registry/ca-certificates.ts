import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import type { Env } from '../exec.js'

/** Where distributions keep the certificates that a machine trusts, in the order in which Go looks. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]
const FOLDERS = ['/etc/containers/certs.d', '/etc/docker/certs.d']

/**
 * The certificates that are trusted for a registry, PEM. Node trusts its own list only; Buildah trusts those of the machine
 * and those that its administrator added for one registry. All of them count here, so that this client reaches every
 * registry that Buildah reaches.
 * @param host of the registry, with its port where it has one
 */
export async function authoritiesFor(host: string, env: Env): Promise<string[]> {
  const named = env['SSL_CERT_FILE']
  const bundles = named === undefined || named === '' ? BUNDLES : [named]
  const further = env['NODE_EXTRA_CA_CERTS']
  const own = await Promise.all([...FOLDERS, ...homeFolders(env)].map((folder) => certificatesIn(join(folder, host))))
  return [
    ...rootCertificates,
    ...(await firstText(bundles)),
    ...(further === undefined || further === '' ? [] : await firstText([further])),
    ...own.flat(),
  ]
}

function homeFolders({ HOME: home }: Env): string[] {
  return home === undefined || home === '' ? [] : [join(home, '.config/containers/certs.d')]
}

async function certificatesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const texts = names.filter((name) => name.endsWith('.crt')).map((name) => firstText([join(folder, name)]))
  return (await Promise.all(texts)).flat()
}

async function firstText(paths: readonly string[]): Promise<string[]> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text !== '') return [text]
  }
  return []
}
