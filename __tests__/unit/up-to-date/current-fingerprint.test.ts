import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { ContainersStorage } from '../../../src/build-storage.js'
import type { EngineTraits } from '../../../src/engine/engine.js'
import type { WorkDir } from '../../../src/engine/work-dir.js'
import { stepKeys } from '../../../src/dockerfile/step-keys.js'
import { pairsOf, resolveMetadata } from '../../../src/pipeline/prepare/metadata.js'
import { fetchSource } from '../../../src/pipeline/prepare/source.js'
import type { BuildRecordStore } from '../../../src/cache/build-records.js'
import type { Registries } from '../../../src/registry/registries.js'
import { INPUT_NAMES, INPUT_ROWS, type InputName } from '../../../src/runner/input-table.js'
import type { InputSpec } from '../../../src/runner/input-spec.js'
import { analysisOf } from '../../../src/source/analysis.js'
import type { Fingerprint } from '../../../src/up-to-date/fingerprint.js'
import { inspect } from '../../../src/up-to-date/inspection.js'
import { fingerprint } from '../../../src/up-to-date/current-fingerprint.js'
import type { ComparisonRequest } from '../../../src/up-to-date/request.js'
import { stepInputsOf } from '../../../src/up-to-date/step-inputs.js'
import { contextOf, inputsOf, temporaryFolder } from '../helpers.js'

const USUAL = {
  ...{ images: 'ghcr.io/acme/web', username: 'me', password: 'hunter22' },
  'build-contexts': 'lib=lib',
}

/** Another text for each input. */
const OTHER: Readonly<Record<InputName, string>> = {
  images: 'ghcr.io/acme/other',
  tags: '1.2',
  push: 'true',
  registry: 'ghcr.io',
  username: 'you',
  password: 'hunter33',
  context: 'other',
  file: 'other/Dockerfile',
  target: 'first',
  platforms: 'linux/s390x',
  distribute: 'true',
  'build-args': 'WHO=ada',
  secrets: 'token=one',
  cache: 'github',
  'build-contexts': 'lib=other',
  'secret-envs': 'token=TOKEN',
  'secret-files': 'token=token',
  ssh: 'default',
  'github-token': 't0ken',
  pull: 'true',
  'no-cache': 'true',
  network: 'none',
  'add-hosts': 'db:10.0.0.1',
  'shm-size': '12m',
  ulimit: 'nofile=512',
  jobs: '2',
  'registry-auth': '[]',
  checks: 'error',
  'registry-mirrors': 'docker.io=mirror.example',
  'extra-args': '--timestamp=0',
  test: 'web --version',
  'test-timeout': '1m',
  flavor: 'prefix=v',
  labels: 'team=web',
  annotations: 'team=web',
  format: 'docker',
  timestamp: 'epoch',
  compression: 'zstd',
  'compression-level': '3',
  'force-compression': 'true',
  provenance: 'mode=min',
  sbom: 'true',
  load: 'true',
  outputs: 'type=oci,dest=image.tar',
  digests: `sha256:${'a'.repeat(64)}`,
  artifacts: 'true',
  attest: 'true',
  'tls-verify': 'false',
  'dry-run': 'true',
  summary: 'false',
  unchanged: 'build',
  skeletons: 'off',
  'cache-from': 'type=gha,scope=web',
  'cache-to': 'type=gha,scope=web',
  'cache-scope': 'web',
  'cache-dir': 'cache',
  'cache-max-size': '1GB',
  'cache-ttl': '1d',
  'cache-write': 'never',
  'cache-deadline': '1m',
  'cache-mounts': 'true',
  engine: 'buildah',
  rootless: 'off',
  'rootless-user': 'builder',
  'buildah-version': '>=1.37',
  'buildah-manifest': 'manifest.json',
  'storage-driver': 'vfs',
  isolation: 'chroot',
  emulation: 'off',
  builder: 'own',
  sandbox: 'off',
}

const workspace = temporaryFolder()
const dockerfile = 'FROM scratch AS first\nFROM scratch\nARG WHO\nCOPY file /\nCOPY --from=lib . /lib\nRUN make\n'
const files = {
  ...{ Dockerfile: dockerfile, 'other/Dockerfile': `# another\n${dockerfile}`, token: 'hunter44' },
  ...{ file: '1', 'other/file': '2', 'lib/file': '1' },
}
for (const [path, content] of Object.entries(files)) {
  mkdirSync(join(workspace, path, '..'), { recursive: true })
  writeFileSync(join(workspace, path), content)
}

/** All that comes of the inputs without an engine and a registry. */
async function buildOf(given: Readonly<Record<string, string>>) {
  const context = contextOf({ workspace })
  const inputs = inputsOf({ ...USUAL, ...given }, { TOKEN: 'hunter55' })
  const { source, format } = await fetchSource(inputs, context, {} as WorkDir)
  const { labels, annotations, ofCommit } = await resolveMetadata(inputs, context)
  const spec = { inputs, source, format, references: [], labels: pairsOf(labels), annotations: pairsOf(annotations) }
  return {
    ...spec,
    ofCommit,
    inspection: await inspect(inputs, source, context, { PATH: process.env['PATH'] ?? '' }),
  }
}

async function fingerprintIn(given: Readonly<Record<string, string>>): Promise<Fingerprint> {
  const build = await buildOf(given)
  const request: ComparisonRequest = {
    ...build,
    now: new Date(0),
    found: {
      engine: { name: 'buildah', version: '1.43.2', label: 'Buildah 1.43.2', rootless: true },
      traits: { keepsExcludedFolders: false } as EngineTraits,
      env: {},
      ambiguityOf: () => Promise.resolve(undefined),
    },
    baseNames: { candidates: new Map(), insecure: [], configuration: [] },
    registries: {} as Registries,
    note: {} as BuildRecordStore,
    remembered: Promise.resolve(undefined),
  }
  const made = await fingerprint(request, new Map())
  if ('why' in made) throw new Error(made.why)
  return made
}

async function keysIn(given: Readonly<Record<string, string>>) {
  const build = await buildOf(given)
  const store = { kind: 'root', version: '1.43.2', env: {} } as ContainersStorage
  const stepInputs = await stepInputsOf({ ...build, copied: new Map() }, store)
  return stepKeys(analysisOf(build.inputs, build.source.dockerfile, {}), stepInputs, 1).map(({ keys }) => keys)
}

const usualFingerprint = fingerprintIn({})

describe('another text of an input', () => {
  // Which engine and which version builds is known where it has been looked for: its label is a part of its own.
  const isOfEngine = (row: InputSpec) => 'countsAs' in row && row.countsAs === 'engine'
  const affecting = INPUT_ROWS.filter(([, row]) => row.affects !== 'nothing' && !isOfEngine(row))
  const others = Object.fromEntries(
    INPUT_ROWS.filter(([, { affects }]) => affects === 'nothing').map(([name]) => [name, OTHER[name]]),
  )

  it.each(affecting)('%s is another build', async (name, row) => {
    const [usual, other] = [await usualFingerprint, await fingerprintIn({ [name]: OTHER[name] })]
    const differing = other.filter((part, index) => part.digest !== usual[index]?.digest).map((part) => part.name)
    expect(differing).toContain('countsAs' in row ? row.countsAs : name)
  })

  it.each(affecting.filter(([, { affects }]) => affects === 'run-steps'))('%s is another RUN step', async (name) => {
    const [usual, other] = [await keysIn({}), await keysIn({ [name]: OTHER[name] })]
    expect(other.at(-1)?.at(-1)).toMatch(/^[0-9a-f]{64}$/)
    expect(other.at(-1)?.at(-1)).not.toBe(usual.at(-1)?.at(-1))
  })

  it('is the same build where it affects nothing', async () => {
    expect(Object.keys(others).length).toBeGreaterThan(20)
    expect(await fingerprintIn(others)).toStrictEqual(await usualFingerprint)
    expect(await keysIn(others)).toStrictEqual(await keysIn({}))
  })

  // Two passwords look the same, as all secrets do. The other one excludes the usual login.
  it.each(INPUT_NAMES.filter((name) => name !== 'password' && name !== 'registry-auth'))('is there for %s', (name) => {
    const env = { TOKEN: 'x' }
    expect(inputsOf({ ...USUAL, [name]: OTHER[name] }, env)).not.toStrictEqual(inputsOf(USUAL, env))
  })
})
