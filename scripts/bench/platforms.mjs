import { join } from 'node:path'

import { DemoError, startRegistry, unpackPackages } from '../demo/machine.mjs'
import { countingProxy } from './counting-proxy.mjs'
import { interleave } from './interleave.mjs'
import { emulatedScenarios } from './platforms-emulated.mjs'
import { folderOf, makeTools, own, other, stepOf } from './platforms-step.mjs'
import { summarize } from './statistics.mjs'
import { parseEngine } from './step-log.mjs'
import { inMilliseconds, renderRatios, renderTable, renderTimes } from './table.mjs'
import { writeSources } from './workload.mjs'

const both = `${own},${other}`
/** Runs that must all push the same index. */
const sameRuns = 10

/** What compiles for the machine, and is copied into each image: the same for all platforms. */
const SHARED = `FROM --platform=$BUILDPLATFORM scratch AS build
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY src /src
RUN tar c src | gzip -9 >/out && tar c src | gzip -9 | sha256sum >/sum
FROM scratch
COPY --from=build /out /sum /
`
/** What is built of it needs no emulator. */
const PLAIN = 'FROM scratch\nCOPY busybox /\nCOPY src /src\n'

/** What several platforms cost over one, and joining them. */
export const platforms = {
  name: 'platforms',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    const tools = makeTools(folder)
    unpackPackages(['docker-registry'], join(folder, 'packages'))
    const registry = await startRegistry(join(folder, 'packages/usr/bin/docker-registry'), join(folder, 'registry'))
    const place = { folder, tools, host: registry.host }
    const emulated = await emulatedScenarios(place, tell)
    try {
      const compiled = [sharedScenario(place, 'one platform', own), sharedScenario(place, 'two platforms', both)]
      const fresh = [freshScenario(place, 'one platform, new', own), freshScenario(place, 'one of two, new', both)]
      const joining = await joinScenario(place)
      const scenarios = [...compiled, ...fresh, joining, ...emulated.scenarios]
      const series = await interleave(scenarios, { runs, tell })
      const digests = await sameDigests(place, tell)
      const pairs = [
        ['compile stage for two platforms ÷ one', 'two platforms', 'one platform'],
        ['one of two unchanged ÷ one', 'one of two, new', 'one platform, new'],
        ...emulated.pairs,
      ]
      const facts = [
        ['joining two platforms under one reference', inMilliseconds(summarize(series.get('joining')).median)],
        ['requests for it, per platform', joining.requests() / 2],
        [`digests of the index in ${sameRuns} runs`, digests.size],
      ]
      const tables = [renderTimes(series, inMilliseconds), renderRatios(series, pairs), renderTable(['', ''], facts)]
      return { text: [...tables, ...emulated.notes].join('\n\n'), engine: compiled[0].engine() }
    } finally {
      await emulated.stop()
      registry.stop()
    }
  },
}

/** Everything is built anew. */
function sharedScenario(place, name, platforms) {
  const { run, lines } = stepOf(place, name, { Dockerfile: SHARED }, { platforms, cache: 'off' })
  writeSources(join(place.folder, folderOf(name), 'workspace'))
  return {
    name,
    engine: () => parseEngine(lines()),
    async run() {
      const { main } = await run()
      const count = main.lines.filter(({ text }) => /STEP \S+: RUN tar /.test(text)).length
      if (count !== 1) throw new DemoError(`The compile stage was run ${count} times`)
      return { [name]: main.seconds }
    },
  }
}

/** The machine's own platform is built anew; of two, the other one has been built before, and nothing has changed in it. */
function freshScenario(place, name, platforms) {
  const { run } = stepOf(place, name, { Dockerfile: PLAIN }, { cache: 'directory', unchanged: 'skip' })
  writeSources(join(place.folder, folderOf(name), 'workspace'))
  let turn = 0
  const kept = () => join(place.folder, `${folderOf(name)}-cache-${turn}`)
  return {
    name,
    async prepare() {
      turn += 1
      if (platforms !== own) await run({ platforms: other, 'cache-dir': kept() })
    },
    async run() {
      const { main } = await run({ platforms, 'cache-dir': kept() })
      const reused = main.lines.filter(({ text }) => text.includes('Unchanged: reusing the image')).length
      const wanted = platforms === own ? 0 : 1
      if (reused !== wanted) throw new DemoError(`${reused} images were reused, and not ${wanted}`)
      return { [name]: main.seconds }
    },
  }
}

/** Two images that are in the registry, put under a tag: what is asked of the registry is counted. */
async function joinScenario(place) {
  const files = { Dockerfile: 'FROM scratch\nCOPY busybox /\n' }
  const pushing = stepOf(place, 'to be joined', files, { platforms: both, cache: 'off' })
  const { outputs } = await pushing.run()
  const proxy = await countingProxy(place.host)
  const digests = Object.values(JSON.parse(outputs['platform-digests'])).join('\n')
  const inputs = { digests, tags: `${proxy.host}/bench/to-be-joined:joined` }
  const joining = stepOf({ ...place, host: proxy.host }, 'joining', {}, inputs)
  return {
    name: 'joining',
    requests: () => proxy.count(),
    async run() {
      proxy.reset()
      const { main } = await joining.run()
      return { joining: main.seconds }
    },
  }
}

/** Digests of an index that nothing has changed in. */
async function sameDigests(place, tell) {
  const kept = join(place.folder, 'same-cache')
  const inputs = { platforms: both, cache: 'directory', 'cache-dir': kept, unchanged: 'build' }
  const { run } = stepOf(place, 'same', { Dockerfile: 'FROM scratch\nCOPY busybox /\nENV A=1\n' }, inputs)
  const found = new Set()
  for (let turn = 0; turn < sameRuns; turn += 1) found.add((await run()).outputs.digest)
  tell(`${found.size} digests in ${sameRuns} runs`)
  return found
}
