import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import {
  ECHO,
  type LoopbackServices,
  GITHUB_TOKEN,
  startAttestationServices,
  statementIn,
} from '../../../harness/attestation-services.js'
import { RegistryError } from '../../../../src/errors.js'
import { parseReference } from '../../../../src/metadata/reference.js'
import { signPushed } from '../../../../src/pipeline/attestations/sign-pushed.js'
import { startRun } from '../../../../src/pipeline/run-record.js'
import { fakeClock } from '../../fake-clock.js'
import { contextOf, everythingOf, inputsOf, logOf, rejection } from '../../helpers.js'
import { fakeRegistries } from '../../registry/fake-registries.js'
import { putIndexWithSbom } from './sbom-index.js'
import { servicesOf } from '../services.js'

let world: LoopbackServices
beforeAll(async () => {
  world = await startAttestationServices()
})
afterAll(() => world.end())
beforeEach(() => {
  world.asked.length = 0
  world.stored.length = 0
  world.claims = {}
})

const WEB = parseReference('ghcr.io/acme/web:1')

/** A registry with an image in it, and a step that has pushed it. */
function step(values: Readonly<Record<string, string>> = {}) {
  const registries = fakeRegistries()
  const digest = registries.put(WEB, { os: 'linux' })
  const inputs = inputsOf({ attest: 'true', push: 'true', 'github-token': GITHUB_TOKEN, ...values })
  const clock = fakeClock()
  const there = {
    context: contextOf({ idTokens: world.idTokens }),
    credentials: { logins: [], own: [], insecure: [], configuredInsecure: [], registry: 'ghcr.io' } as never,
    services: servicesOf({ registries: registries.client, signing: { endpointsOf: () => world.endpoints, clock } }),
    ...startRun({ clock: () => 0 }),
  }
  const pushed = (...names: string[]) => names.map((name) => ({ reference: parseReference(name), digest }))
  const sign = async (result: Parameters<typeof signPushed>[0]) => {
    let commands: string[] = []
    const log = await logOf(async () => (commands = await signPushed(result, inputs, there)))
    return { commands, log }
  }
  return { registries, digest, clock, pushed, sign, inputs, there }
}

describe('what was pushed is attested', () => {
  it.each(['open', 'closed'] as const)('with the %s instance, and verified', async (instance) => {
    world.claims = { repository_visibility: instance === 'open' ? 'public' : 'private' }
    const { sign, pushed, digest } = step()
    const { commands, log } = await sign({ pushed: pushed('ghcr.io/acme/web:1', 'ghcr.io/acme/web:latest') })
    expect(commands).toStrictEqual([`gh attestation verify oci://ghcr.io/acme/web@${digest} --repo acme/web`])
    const [bundle, ...others] = world.stored
    if (bundle === undefined || others.length > 0) throw new Error('not one bundle')
    expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json')
    const { identity } = world.verify(bundle, instance)
    expect(identity).toMatchObject({ extensions: { issuer: 'https://token.actions.githubusercontent.com' } })
    expect(statementIn(bundle)).toMatchObject({
      subject: [{ name: 'ghcr.io/acme/web', digest: { sha256: digest.slice('sha256:'.length) } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: 'a'.repeat(40) } }] } },
    })
    // The one with a public log shows it to everybody.
    expect(world.asked.some((line) => line.includes('rekor'))).toBe(instance === 'open')
    expect(log).toContain(`Attested the provenance of ${digest}: https://github.com/acme/web/attestations/1\n`)
    for (const secret of world.secrets) {
      expect(withoutMasks(log)).not.toContain(secret)
      expect(JSON.stringify(bundle)).not.toContain(secret)
    }
  })

  it.each(['open', 'closed'] as const)(
    'so that another statement is refused, with the %s instance',
    async (instance) => {
      world.claims = { repository_visibility: instance === 'open' ? 'public' : 'private' }
      const { sign, pushed } = step()
      await sign({ pushed: pushed('ghcr.io/acme/web:1') })
      const [bundle] = world.stored
      if (bundle?.dsseEnvelope === undefined) throw new Error('no bundle')
      const statement = {
        ...statementIn(bundle),
        subject: [{ name: 'ghcr.io/acme/web', digest: { sha256: '0'.repeat(64) } }],
      }
      const payload = Buffer.from(JSON.stringify(statement)).toString('base64')
      const forged = { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } }
      expect(() => world.verify(forged, instance)).toThrow()
      expect(() => world.verify(bundle, instance)).not.toThrow()
    },
  )

  it('under the names of all its repositories, once for each digest', async () => {
    const { sign, pushed, digest, registries } = step()
    registries.put(parseReference('docker.io/acme/web:1'), { os: 'linux' })
    const { commands } = await sign({ pushed: pushed('ghcr.io/acme/web:1', 'docker.io/acme/web:1') })
    expect(commands).toHaveLength(1)
    expect(world.stored.map(statementIn)).toMatchObject([
      { subject: [{ name: 'ghcr.io/acme/web' }, { name: 'docker.io/acme/web' }] },
    ])
    expect(digest).toMatch(/^sha256:/)
  })

  it('and so is each SBOM in its index, for the index and its platform', async () => {
    const { sign, registries } = step()
    const platform = registries.putByDigest(WEB, { os: 'linux' })
    const index = await putIndexWithSbom(registries, WEB, platform.digest)
    await sign({ pushed: [{ reference: WEB, digest: index }] })
    expect(world.stored.map(statementIn)).toMatchObject([
      { predicateType: 'https://slsa.dev/provenance/v1', subject: [{ digest: { sha256: index.slice(7) } }] },
      {
        predicateType: 'https://spdx.dev/Document',
        subject: [{ digest: { sha256: index.slice(7) } }, { digest: { sha256: platform.digest.slice(7) } }],
        predicate: { spdxVersion: 'SPDX-2.3' },
      },
    ])
  })

  it('not anew by a run that has reused it, unless nobody has attested it', async () => {
    const { sign, pushed } = step()
    const reused = { pushed: pushed('ghcr.io/acme/web:1'), builtEarlier: new Date(0) }
    expect((await sign(reused)).commands).toHaveLength(1)
    expect(world.stored).toHaveLength(1)
    const again = await sign(reused)
    expect(again.log).toContain('was attested by an earlier run')
    expect(again.commands).toHaveLength(1)
    expect(world.stored).toHaveLength(1)
  })

  it('not by a step that has pushed nothing: nobody is asked', async () => {
    const { sign } = step()
    expect((await sign({ pushed: [] })).commands).toStrictEqual([])
    expect(world.asked).toStrictEqual([])
  })
})

describe('a registry', () => {
  const artifactsOf = async ({ registries }: ReturnType<typeof step>, digest: string) => {
    const tag = { ...WEB, tag: digest.replace(':', '-') }
    const there = await registries.registries.resolve(tag)
    const index = there && (await registries.registries.fetchManifest({ ...WEB, digest: there.digest }))
    return index && (JSON.parse(index.bytes.toString()) as unknown)
  }

  it('without the referrers API gets nothing, which is said', async () => {
    const one = step()
    const { log } = await one.sign({ pushed: one.pushed('ghcr.io/acme/web:1') })
    expect(log).toContain('ghcr.io has no referrers API')
    await expect(artifactsOf(one, one.digest)).resolves.toBeUndefined()
  })

  it('without it gets the fallback tag where that is asked for', async () => {
    const one = step({ attest: 'registry' })
    await one.sign({ pushed: one.pushed('ghcr.io/acme/web:1') })
    await expect(artifactsOf(one, one.digest)).resolves.toMatchObject({
      manifests: [{ artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    })
  })

  it('that refuses it is a warning, and an error where it is asked for', async () => {
    const refuse = (one: ReturnType<typeof step>) => {
      one.registries.setReferrersApi(new RegistryError('ghcr.io refuses.', 'Ask for rights.', false))
      return one
    }
    const optional = refuse(step())
    const { log } = await optional.sign({ pushed: optional.pushed('ghcr.io/acme/web:1') })
    expect(log).toMatch(/::warning::Attest: could not attach the provenance to ghcr\.io\/acme\/web; GitHub has it\./)
    const forced = refuse(step({ attest: 'registry' }))
    const error = await rejection(
      signPushed({ pushed: forced.pushed('ghcr.io/acme/web:1') }, forced.inputs, forced.there),
    )
    expect(error.message).toContain(`pushed, but not attested: ghcr.io/acme/web@${forced.digest}.`)
  })
})

describe('what doesn’t work', () => {
  const failing = async (one: ReturnType<typeof step>) => {
    let error: unknown
    const log = await logOf(async () => {
      error = await rejection(signPushed({ pushed: one.pushed('ghcr.io/acme/web:1') }, one.inputs, one.there))
    })
    return { error: error as Error & { hint?: string }, text: everythingOf(error), log }
  }

  it.each(['token', 'fulcio', 'rekor', 'api'] as const)('for a moment is tried again: %s', async (service) => {
    const one = step()
    world.fail(service, { status: 503 }, { status: 500 })
    const { log } = await one.sign({ pushed: one.pushed('ghcr.io/acme/web:1') })
    expect(one.clock.waits).toHaveLength(2)
    expect(log).toContain('attempt 2 failed, 2 left')
    expect(world.stored).toHaveLength(1)
  })

  it.each(['token', 'fulcio', 'rekor', 'api'] as const)(
    'for long fails the step, which names what was pushed: %s',
    async (service) => {
      const one = step()
      const busy = { status: 503 }
      world.fail(service, busy, busy, busy, busy)
      const { text, log } = await failing(one)
      expect(text).toContain(`Input "attest": pushed, but not attested: ghcr.io/acme/web@${one.digest}.`)
      for (const secret of world.secrets) expect(withoutMasks(`${text}\n${log}`)).not.toContain(secret)
    },
  )

  it('for want of a permission comes with the lines to paste', async () => {
    world.fail('api', { status: 403, message: 'Resource not accessible by integration' })
    const { error, text } = await failing(step())
    expect(error.hint).toContain('  id-token: write\n  attestations: write')
    expect(text).toContain('(403): "Resource not accessible by integration"')
    expect(world.asked.filter((line) => line.startsWith('POST api'))).toHaveLength(1)
  })

  it('for want of a plan says so in the words of GitHub', async () => {
    world.claims = { repository_visibility: 'private' }
    const message =
      'Feature not available for the acme organization. To enable this feature, please upgrade the billing plan.'
    world.fail('api', { status: 404, message })
    const { error, text } = await failing(step())
    expect(text).toContain(message)
    expect(error.hint).toMatch(/need GitHub Enterprise Cloud/)
  })

  it('is told without the token, whatever the server says of it', async () => {
    world.fail('fulcio', { status: 400, message: ECHO })
    const { text, log } = await failing(step())
    expect(text).toMatch(/CA_CREATE_SIGNING_CERTIFICATE_ERROR.*oidcIdentityToken.*\*\*\*/)
    for (const secret of world.secrets) expect(withoutMasks(`${text}\n${log}`)).not.toContain(secret.slice(0, 40))
  })

  it('with a token that isn’t of a job is told without it', async () => {
    world.claims = { sub: '' }
    const { text, log } = await failing(step())
    expect(text).toContain("isn't one of a job on GitHub: it lacks sub.")
    for (const secret of world.secrets) expect(withoutMasks(`${text}\n${log}`)).not.toContain(secret)
  })
})

/** What a log shows: the runner swallows the lines that name what it has to mask. */
function withoutMasks(log: string): string {
  return log.replaceAll(/^::add-mask::.*$/gm, '')
}
