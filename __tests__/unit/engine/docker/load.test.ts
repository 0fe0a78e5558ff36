import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { findDaemon, loadArchive } from '../../../../src/engine/docker/load.js'
import { temporaryFolder } from '../../helpers.js'

const ID = `sha256:${'a'.repeat(64)}`
const DAEMON = '{"ServerVersion":"28.2.2","ServerErrors":null,"ClientInfo":{"Context":"default"}}'

/** A machine on whose PATH this script is docker. */
function host(script: string): { readonly env: Readonly<Record<string, string>>; readonly client: string } {
  const folder = temporaryFolder()
  const client = join(folder, 'docker')
  writeFileSync(client, `#!/bin/sh\n${script}\n`)
  chmodSync(client, 0o755)
  return { env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` }, client }
}

describe('a daemon of Docker', () => {
  it('is there where it says its version', async () => {
    const { env, client } = host(`echo '${DAEMON}'`)
    expect(await findDaemon(env)).toBe(client)
  })

  it.each<[what: string, script: string]>([
    ['the client finds none', `echo '{"ServerVersion":"","ServerErrors":["Cannot connect"]}'; exit 1`],
    ['the client prints nothing', 'exit 0'],
    ['the client fails', `echo '${DAEMON}'; exit 1`],
    ['it never answers', 'exec sleep 600'],
    ['docker is Podman', `echo '{"host":{},"store":{},"version":{"Version":"5.0.0"}}'`],
    ['docker is Podman, which says so', `echo 'Emulate Docker CLI using podman.' >&2; echo '${DAEMON}'`],
  ])('is not there where %s', async (_, script) => {
    expect(await findDaemon(host(script).env)).toBeUndefined()
  })

  it('is not there without its client', async () => {
    expect(await findDaemon({ PATH: temporaryFolder() })).toBeUndefined()
  })
})

describe('an archive', () => {
  /** A client that writes down what it was asked. */
  const recording = (answer: string) => {
    const log = join(temporaryFolder(), 'log')
    const script = `echo "$@" >> ${log}\ncase $1 in load) ${answer};; image) echo ${ID};; esac`
    return { ...host(script), log }
  }

  it.each([
    ["echo 'Loaded image: acme/web:1'", 'acme/web:1'],
    [`echo 'Loaded image ID: ${ID}'`, ID],
  ])('is loaded, and every name is given to what Docker says it is: %s', async (answer, loaded) => {
    const { client, env, log } = recording(answer)
    const names = ['docker.io/acme/web:1', 'ghcr.io/acme/web:1']
    expect(await loadArchive(client, '/a/docker.tar', names, env)).toBe(ID)
    expect(readFileSync(log, 'utf8').trim().split('\n')).toStrictEqual([
      'load --quiet --input /a/docker.tar',
      `image inspect --format {{.Id}} ${loaded}`,
      ...names.map((name) => `tag ${ID} ${name}`),
    ])
  })

  it.each([
    ['echo no space left on device >&2; exit 1', 'no space left on device'],
    ['echo fine', "Docker doesn't say what it has loaded"],
  ])('that Docker doesn’t take is an error: %s', async (answer, message) => {
    const { client, env } = recording(answer)
    await expect(loadArchive(client, '/a', [], env)).rejects.toThrow(message)
  })
})
