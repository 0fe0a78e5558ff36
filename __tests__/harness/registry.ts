import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import type { TokenServer } from './token-server.js'

export interface Login {
  readonly username: string
  readonly password: string
}

export interface RegistryOptions {
  /** Without it the registry is open to everyone. */
  readonly login?: Login
  /** Tokens are asked for, of this server. */
  readonly token?: TokenServer
  /** HTTPS with a certificate that nobody trusts. */
  readonly tls?: boolean
  /** Default, Debian's. */
  readonly program?: string
  /** The loopback name in `host`; `localhost` and `127.0.0.1` differ in some tools. Default `127.0.0.1`. */
  readonly name?: '127.0.0.1' | 'localhost'
}

export interface Registry {
  /** What image references start with, `127.0.0.1:40123`. */
  readonly host: string
  /** PEM file of its certificate, when it has one. */
  readonly certificate: string | undefined
  /** All that it logged so far, its access log included. */
  logs(): string
  stop(): Promise<void>
}

const ofDebian = '/usr/bin/docker-registry'

/** Starts a docker-registry, Debian's unless told, on a free loopback port, with a storage folder of its own, and waits until it answers. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const { program = ofDebian } = options
  if (!existsSync(program)) throw new Error(`${program} is not here: run bash scripts/test.sh, which installs it`)
  const folder = makeFolder('registry')
  const { name = '127.0.0.1' } = options
  const tls = options.tls === true ? await makeCertificate(folder) : undefined
  if (options.login) writeFileSync(join(folder, 'htpasswd'), await htpasswd(options.login))
  writeFileSync(join(folder, 'config.yml'), configuration(folder, `${name}:0`, options, tls))

  // Tests that are killed take their registry with them.
  const serve = ['--pdeathsig', 'KILL', program, 'serve', join(folder, 'config.yml')]
  const child = spawn('setpriv', serve, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => (log += piece.toString()))
  }
  const port = await portOf(child, () => log)
  if (port !== undefined)
    return { host: `${name}:${port}`, certificate: tls?.certificate, logs: () => log, stop: () => stop(child) }
  await stop(child)
  throw new Error(`docker-registry does not listen; its log:\n${log}`)
}

interface Certificate {
  readonly certificate: string
  readonly key: string
}

function configuration(folder: string, host: string, options: RegistryOptions, tls?: Certificate): string {
  // JSON is YAML.
  return JSON.stringify({
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: host, ...(tls && { tls }) },
    ...(options.login && { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
    ...(options.token && {
      auth: {
        token: {
          realm: options.token.realm,
          service: options.token.service,
          issuer: options.token.issuer,
          rootcertbundle: options.token.certificate,
        },
      },
    }),
  })
}

async function htpasswd({ username, password }: Login): Promise<Buffer> {
  return run('htpasswd', ['-B', '-n', '-i', username], { input: password })
}

async function makeCertificate(folder: string): Promise<Certificate> {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const files = ['-keyout', key, '-out', certificate]
  await run('openssl', ['req', '-x509', ...kind, '-subj', '/CN=localhost', '-addext', names, ...files])
  return { certificate, key }
}

/** The port that the kernel chose, which nobody else can get meanwhile; undefined where it has ended, or takes too long. */
async function portOf(child: ChildProcess, log: () => string): Promise<string | undefined> {
  const deadline = Date.now() + 120_000
  while (child.exitCode === null && Date.now() < deadline) {
    const port = /"listening on [^"]*:(\d+)(?:, tls)?"/.exec(log())?.[1]
    if (port !== undefined) return port
    await sleep(20)
  }
  return undefined
}

/** The status of a GET, whatever the certificate. */
export function statusOf(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest
    send(url, { rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve()
      return
    }
    child.once('exit', () => {
      resolve()
    })
    child.kill('SIGKILL')
  })
}
