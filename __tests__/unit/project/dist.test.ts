import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { temporaryFolder } from '../helpers.js'

const root = join(import.meta.dirname, '../../..')

interface Project {
  readonly dependencies: Readonly<Record<string, string>>
}

interface Ended {
  readonly exitCode: number | null
  readonly output: string
}

/** Runs Node on a file, in an environment of these variables alone. */
async function node(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const add = (chunk: Buffer) => (output += chunk.toString())
    child.stdout.on('data', add)
    child.stderr.on('data', add)
    child.on('error', reject)
    child.on('close', (exitCode) => {
      resolve({ exitCode, output })
    })
  })
}

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()

describe('dist', () => {
  it('has the client of the cache service in one bundle alone: the others would load it at every start', () => {
    // Names of files are free, so that every file of a bundle is looked into.
    const holders = filesIn(join(root, 'dist')).filter(
      (name) => /\.js$/.test(name) && readFileSync(join(root, 'dist', name), 'utf8').includes('_apis/artifactcache'),
    )
    expect(holders).toStrictEqual(['cache-worker/index.js'])
  })

  it('names what is loaded late by what it is', () => {
    const files = filesIn(join(root, 'dist/main')).filter((name) => name.endsWith('.js'))
    // What several of them load has a number.
    expect(files).toStrictEqual([
      ...['attestor.js', 'client-2.js', 'client.js', 'docker.js', 'dry-run.js', 'emulation.js', 'index.js'],
      ...['join-digests.js', 'load.js', 'meet-legs.js', 'p-map.js', 'platforms.js', 'scan.js'],
      ...['sign-pushed-2.js', 'sign-pushed.js', 'smol-toml.js', 'snapshot.js', 'tool-cache-2.js', 'tool-cache.js'],
    ])
  })

  it('comes with the licenses of all that is in it', () => {
    const licenses = filesIn(join(root, 'dist'))
      .filter((name) => name.endsWith('licenses.txt'))
      .map((name) => readFileSync(join(root, 'dist', name), 'utf8'))
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Project
    const missing = Object.entries(dependencies).filter(
      ([name, version]) => !licenses.some((text) => text.includes(`${name} ${version}\n`)),
    )
    expect(missing).toStrictEqual([])
  })

  /** A step on a runner, with nothing in its workspace. */
  const step = () => {
    const folder = temporaryFolder()
    const temp = temporaryFolder()
    const commands = temporaryFolder()
    const files = { GITHUB_OUTPUT: join(commands, 'output'), GITHUB_STATE: join(commands, 'state') }
    for (const path of Object.values(files)) writeFileSync(path, '')
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, GITHUB_WORKSPACE: folder, RUNNER_TEMP: temp, ...files }
    return { folder, temp, files, env }
  }

  it('main fails an empty workspace with the one error about the missing Dockerfile', async () => {
    const { folder, temp, files, env } = step()
    const { exitCode, output } = await node(['dist/main/index.js'], env)
    expect({ exitCode, output }).toStrictEqual({
      exitCode: 1,
      output:
        'Rootless Image Build: .\n' +
        `::error::Input "file" is missing, and no Dockerfile was found. Looked for:%0A  ${folder}/Containerfile%0A  ${folder}/Dockerfile%0A` +
        'The workspace is empty: add `- uses: actions/checkout@v7` before this step.\n',
    })
    // Nothing was made, and nothing is told to those who come after.
    expect(filesIn(temp)).toStrictEqual([])
    expect(Object.values(files).map((path) => readFileSync(path, 'utf8'))).toStrictEqual(['', ''])
  })

  it('main refuses a bad input before it looks at anything, and shows no password', async () => {
    const { env } = step()
    const inputs = { INPUT_USERNAME: 'me', INPUT_PASSWORD: 'hunter2', INPUT_PUSH: 'yes' }
    const { exitCode, output } = await node(['dist/main/index.js'], { ...env, ...inputs })
    expect({ exitCode, output }).toStrictEqual({
      exitCode: 1,
      output: '::error::Input "push": got "yes". Allowed: true, false.\n',
    })
  })

  it('main shows no password that stands in the URL of the context', async () => {
    const { env } = step()
    const context = { INPUT_CONTEXT: 'https://me:hunter2@127.0.0.1:1/acme/web.git', INPUT_ROOTLESS: 'off' }
    const { exitCode, output } = await node(['dist/main/index.js'], { ...env, ...context })
    expect(exitCode).toBe(1)
    expect(output).toContain('::error::Input "context"')
    // The runner shows no command of this kind, and the password in no line after it.
    expect(output.replace('::add-mask::hunter2\n', '')).not.toContain('hunter2')
  })

  it('post has nothing to remove where main wrote no state', async () => {
    const { exitCode, output } = await node(['dist/post/index.js'], step().env)
    expect({ exitCode, output }).toStrictEqual({
      exitCode: 0,
      output: 'Nothing to remove: the step ended before it created anything.\n',
    })
  })

  it('post warns of a state that it can’t read, and fails nothing', async () => {
    const env = { ...step().env, 'STATE_rootless-image-build': '{"folder": "x"}' }
    const { exitCode, output } = await node(['dist/post/index.js'], env)
    expect(exitCode).toBe(0)
    expect(output).toMatch(/^::warning::Could not remove everything that this step created\. .*\n$/)
  })
})
