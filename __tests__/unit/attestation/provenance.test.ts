import { describe, expect, it } from '@jest/globals'
import { type BuildFacts, slsaPredicate } from '../../../src/attestation/provenance.js'
import { inV02 } from '../../../src/attestation/provenance-v02.js'

const RUN = 'https://github.com/acme/web/actions/runs/1/attempts/2'
const facts: BuildFacts = {
  mode: 'max',
  builderId: RUN,
  buildType: 'https://example.com/build-type',
  invocation: RUN,
  commit: { uri: 'git+https://github.com/acme/web@refs/heads/main', sha: 'ab'.repeat(20) },
  dockerfile: { path: 'images/Dockerfile', text: 'FROM debian\n' },
  target: 'final',
  platform: 'linux/arm64',
  builderPlatform: 'linux/amd64',
  engine: 'Buildah 1.43.2',
  buildArgs: new Map([['WHO', 'ada']]),
  labels: new Map([['team', 'web']]),
  secrets: ['token'],
  ssh: ['default'],
  bases: [{ uri: 'pkg:docker/debian@12?platform=linux%2Farm64', digest: { sha256: 'cd'.repeat(32) } }],
  steps: ['FROM debian'],
  reproducible: false,
  startedOn: new Date('2026-11-24T12:00:00Z'),
  finishedOn: new Date('2026-11-24T12:01:00Z'),
}

describe('SLSA v1', () => {
  it('has all that is known of a build, at full length', () => {
    expect(slsaPredicate(facts)).toStrictEqual({
      buildDefinition: {
        buildType: 'https://example.com/build-type',
        externalParameters: {
          configSource: {
            uri: 'git+https://github.com/acme/web@refs/heads/main',
            digest: { gitCommit: 'ab'.repeat(20) },
            path: 'images/Dockerfile',
          },
          request: {
            frontend: 'dockerfile.v0',
            args: { target: 'final', 'build-arg:WHO': 'ada', 'label:team': 'web' },
            secrets: [{ id: 'token' }],
            ssh: [{ id: 'default' }],
          },
        },
        internalParameters: {
          ...{ builderPlatform: 'linux/amd64', targetPlatform: 'linux/arm64', engine: 'Buildah 1.43.2' },
          buildConfig: { steps: ['FROM debian'] },
        },
        resolvedDependencies: [
          ...facts.bases,
          { uri: 'git+https://github.com/acme/web@refs/heads/main', digest: { gitCommit: 'ab'.repeat(20) } },
        ],
      },
      runDetails: {
        builder: { id: RUN },
        metadata: {
          invocationId: RUN,
          startedOn: '2026-11-24T12:00:00.000Z',
          finishedOn: '2026-11-24T12:01:00.000Z',
          buildkit_metadata: {
            source: {
              infos: [
                {
                  filename: 'images/Dockerfile',
                  language: 'Dockerfile',
                  data: Buffer.from('FROM debian\n').toString('base64'),
                },
              ],
            },
          },
          buildkit_completeness: { request: true, resolvedDependencies: false },
        },
      },
    })
  })

  it('has no value and no text of the user with `min`', () => {
    const text = JSON.stringify(slsaPredicate({ ...facts, mode: 'min' }))
    for (const word of ['"ada"', 'team', '"token"', 'default', 'FROM', Buffer.from('FROM').toString('base64')])
      expect(text).not.toContain(word)
    expect(text).toContain('"target":"final"')
  })

  it('says nothing of a commit and a run that nobody knows', () => {
    const { buildDefinition, runDetails } = slsaPredicate({ ...facts, commit: undefined, invocation: '' })
    expect(buildDefinition.resolvedDependencies).toStrictEqual(facts.bases)
    expect(buildDefinition.externalParameters.configSource).toStrictEqual({ path: 'images/Dockerfile' })
    expect(runDetails.metadata).not.toHaveProperty('invocationId')
  })

  it('gives the same bytes for the same build', () => {
    const others = { ...facts, buildArgs: new Map([['A', '1'], ...facts.buildArgs]) }
    const reordered = { ...facts, buildArgs: new Map([...facts.buildArgs, ['A', '1']]) }
    expect(JSON.stringify(slsaPredicate(others))).toBe(JSON.stringify(slsaPredicate(reordered)))
  })
})

it('is the same in SLSA v0.2', () => {
  expect(inV02(slsaPredicate({ ...facts, mode: 'min', reproducible: true }))).toStrictEqual({
    builder: { id: RUN },
    buildType: 'https://example.com/build-type',
    materials: [...facts.bases, { uri: facts.commit?.uri, digest: { sha1: 'ab'.repeat(20) } }],
    invocation: {
      configSource: { uri: facts.commit?.uri, digest: { sha1: 'ab'.repeat(20) }, entryPoint: 'images/Dockerfile' },
      parameters: { frontend: 'dockerfile.v0', args: { target: 'final' } },
      environment: { platform: 'linux/amd64' },
    },
    metadata: {
      buildInvocationID: RUN,
      buildStartedOn: '2026-11-24T12:00:00.000Z',
      buildFinishedOn: '2026-11-24T12:01:00.000Z',
      completeness: { parameters: false, environment: true, materials: false },
      reproducible: true,
    },
  })
})
