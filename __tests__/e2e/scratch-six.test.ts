import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { run } from '../harness/command.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { imageFiles, type PulledImage } from '../harness/images.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { openWarmPlace, stepsOf, type WarmPlace, warnings } from '../harness/warm-steps.js'

jest.setTimeout(900_000)
const bulk = randomBytes(6_000_000)
let place: WarmPlace
beforeAll(async () => { place = await openWarmPlace() })
afterAll(async () => { await place.stop(); await removeFolders() })
const came = (step: StepResult) => /Cache: (\d+) layers? restored without file contents/.exec(step.log)?.[1]
function entriesOf(image: PulledImage): unknown {
  const files = [...imageFiles(image)].map(([path, file]) => [path, { ...file, mtime: undefined }] as const)
  return { config: image.config.config, files: files.sort(([one], [other]) => (one < other ? -1 : 1)) }
}
const LINES = ['COPY bulk /bulk', 'RUN md5sum /bulk > /sum', 'RUN head -c 3000000 /bulk > /half && sleep 1', 'COPY app /srv/app', 'RUN cat /srv/app /sum > /all && sleep 1', 'COPY last /last']
const job = (name: string, lines: readonly string[], files: Record<string, string | Uint8Array>, inputs: Record<string, string>, more: Partial<StepOptions> = {}): StepOptions =>
  ({ ...place.job(name, lines, { files: { bulk, ...files }, inputs }), ...more })
const kept = () => ({ cache: 'directory', 'cache-dir': makeFolder('kept', accountFor('user')) })
async function same(name: string, lines: readonly string[], files: Record<string, string | Uint8Array>) {
  const cached = entriesOf(await place.pull(name))
  await succeed(job(name, lines, files, { cache: 'off' }))
  expect(cached).toStrictEqual(entriesOf(await place.pull(name)))
}

test.each([['github', () => ({})], ['directory', kept]] as const)('killed at random, %s', async (kind, make) => {
  const name = `killed-${kind}`
  const inputs = make()
  await succeed(job(name, LINES, { app: '0', last: '0' }, inputs))
  for (let turn = 1; turn <= 10; turn += 1) {
    const files = { app: String(turn >> 1), last: String(turn) }
    const ms = 300 + Math.floor(Math.random() * 3500)
    const step = await runAction(job(name, LINES, files, inputs, { signal: { name: 'SIGKILL', when: (async () => { await sleep(ms) })() }, ...(turn % 3 === 0 && { only: 'main' }) }))
    console.log(kind, turn, ms, String(step.exitCode), came(step), JSON.stringify(stepsOf(step)))
    if (turn % 5 === 0) { const done = await runAction(job(name, LINES, files, inputs)); console.log(warnings(done).join('\n'), came(done)); expect(done.exitCode).toBe(0); await same(name, LINES, files) }
  }
})

test('registry lost a blob', async () => {
  await succeed(job('lost', LINES, { app: '0', last: '0' }, {}))
  const image = await place.pull('lost')
  for (const layer of image.manifest.layers.slice(1, 3)) {
    const answer = await fetch(`http://${place.registry}/v2/acme/lost/blobs/${layer.digest}`, { method: 'DELETE' })
    console.log(answer.status)
  }
  const step = await runAction(job('lost', LINES, { app: '0', last: '1' }, {}))
  console.log(step.exitCode, came(step), warnings(step).join('\n'))
  expect(step.exitCode).toBe(0)
  await same('lost', LINES, { app: '0', last: '1' })
})

test('parts evicted at random', async () => {
  await succeed(job('evicted', LINES, { app: '0', last: '0' }, {}))
  for (let turn = 1; turn <= 4; turn += 1) {
    for (const { key } of place.service.entries()) if (key.startsWith('rib1-p-') && Math.random() < 0.3) place.service.remove(key)
    const files = { app: String(turn >> 1), last: String(turn) }
    const step = await runAction(job('evicted', LINES, files, {}))
    console.log(turn, step.exitCode, came(step), warnings(step).join('\n'))
    expect(step.exitCode).toBe(0)
    await same('evicted', LINES, files)
  }
})

test('two at once on one machine', async () => {
  const inputs = kept()
  const steps = await Promise.all(['a', 'b', 'c'].map((app) => runAction(job('twice', LINES, { app, last: app }, { ...inputs, tags: app }))))
  for (const step of steps) { console.log(step.exitCode, warnings(step).join('\n')); expect(step.exitCode).toBe(0) }
  const again = await Promise.all(['a', 'd'].map((app) => runAction(job('twice', LINES, { app, last: app }, { ...inputs, tags: 'latest' }))))
  for (const step of again) expect(step.exitCode).toBe(0)
  const last = await succeed(job('twice', LINES, { app: 'a', last: 'x' }, inputs))
  console.log(JSON.stringify(stepsOf(last)))
  await same('twice', LINES, { app: 'a', last: 'x' })
})

test('130 layers and 20,000 files', async () => {
  const lines = ['COPY bulk /bulk', 'RUN mkdir /many && cd /many && i=0 && while [ $i -lt 20000 ]; do echo $i > f$i; i=$((i+1)); done', ...Array.from({ length: 110 }, (_, n) => `COPY app /n/${n}`), 'COPY last /last']
  await succeed(job('many', lines, { app: '0', last: '0' }, {}))
  const step = await runAction(job('many', lines, { app: '0', last: '1' }, {}))
  console.log(step.exitCode, came(step), warnings(step).join('\n'), step.milliseconds)
  expect(step.exitCode).toBe(0)
  await same('many', lines, { app: '0', last: '1' })
})

test('tmpfs on /tmp', async () => {
  const lines = ['COPY bulk /bulk', 'RUN --mount=type=tmpfs,target=/tmp echo x > /tmp/x && md5sum /bulk > /sum', 'RUN --mount=type=tmpfs,target=/var ls /tmp > /tmp-list && ls /var > /l', 'COPY app /app']
  for (const inputs of [{}, kept()]) {
    await succeed(job('tmpfs', lines, { app: '0' }, inputs))
    const step = await succeed(job('tmpfs', lines, { app: '1' }, inputs))
    console.log(came(step), JSON.stringify(stepsOf(step)))
    await same('tmpfs', lines, { app: '1' })
  }
})

test('storage moved', async () => {
  const inputs = kept()
  await succeed(job('moved', LINES, { app: '0', last: '0' }, inputs))
  const other = `${makeFolder('moved', accountFor('user'))}/there`
  await run('cp', ['-a', inputs['cache-dir'], other])
  const step = await runAction(job('moved', LINES, { app: '0', last: '1' }, { ...inputs, 'cache-dir': other }))
  console.log(step.exitCode, warnings(step).join('\n'), JSON.stringify(stepsOf(step)))
  expect(step.exitCode).toBe(0)
  await same('moved', LINES, { app: '0', last: '1' })
})
