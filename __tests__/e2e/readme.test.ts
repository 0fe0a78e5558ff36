import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, expect, jest } from '@jest/globals'

import { type ActJob, type ActMachine, checkOutExample, findAct, makeActMachine, runAct } from '../harness/act.js'
import { busyboxImage } from '../harness/base-image.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { type Login, startRegistry } from '../harness/registry.js'
import { repository } from '../harness/runner-files.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const readme = readFileSync(join(repository, 'README.md'), 'utf8')
const [, quickStart = ''] = /^```yaml\n([^]*?)^```$/m.exec(readme) ?? []

/** The words of a command of README.md behind the name of its program. */
function commandOf(program: string): string[] {
  const commands = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.trim().split('\n'))
  const words = commands.map((command) => command.split(' ')).filter(([name]) => name === program)
  if (words[0] === undefined || words.length > 1) throw new Error(`README.md has not one command ${program}`)
  return words[0].slice(1)
}

const act = findAct()
const login: Login = { username: 'ada', password: 'token-of-the-job' }
const { registry: hub } = await useRegistry()
const registry = await startRegistry({ login })

afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

/** A checkout with the quick start of README.md as its workflow; `ghcr.io` is a registry on loopback. */
async function checkOutQuickStart(machine: ActMachine): Promise<string> {
  const checkout = await checkOutExample(machine, 'one-image')
  const workflows = join(checkout, '.github/workflows')
  rmSync(join(workflows, 'build.yml'))
  writeFileSync(join(workflows, 'image.yml'), quickStart.replace('ghcr.io/', `${registry.host}/`))
  return checkout
}

/** Runs README.md's own command, with the token in the environment as it says. */
async function succeed(machine: ActMachine, checkout: string): Promise<ActJob> {
  const env = { GITHUB_TOKEN: login.password }
  const { exitCode, jobs, log } = await runAct(machine, { checkout, env, args: commandOf('act') })
  const [job, ...others] = jobs.values()
  if (exitCode !== 0 || job?.result !== 'success' || others.length > 0)
    throw new Error(`act ended with ${exitCode}, its jobs with ${[...jobs.keys()].join(', ')}; the log:\n${log}`)
  return job
}

testUnless('missing' in act ? act.missing : undefined)(
  "README.md's quick start, by README.md's command for act: it builds and pushes, and then finds its layers",
  async () => {
    if ('missing' in act) throw new Error(act.missing)
    await busyboxImage(hub.host, 'library/busybox:1.37')
    const machine = await makeActMachine(act.program, [registry.host], hub.host)
    const checkout = await checkOutQuickStart(machine)
    const cold = await succeed(machine, checkout)
    expect(cold.outputs).toMatchObject({ engine: 'buildah', rootless: 'true', 'cache-hit': 'none' })
    const image = await pullImage(`${registry.host}/acme/one-image:main`, login)
    expect(image.digest).toBe(cold.outputs['digest'])
    const labels = cold.outputs['labels'] ?? ''
    expect(labels).toMatch(/^org\.opencontainers\.image\.revision=[0-9a-f]{40}$/m)
    const warm = await succeed(machine, checkout)
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'full', digest: image.digest })
  },
)
