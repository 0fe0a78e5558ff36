import { describe, expect, it } from '@jest/globals'
import { Secret } from '../../../../src/lib/secret.js'
import { settleAttest } from '../../../../src/pipeline/attestations/check-attest.js'
import { contextOf, eventOf, inputsOf, logOf, refusal } from '../../helpers.js'
import { servicesOf } from '../services.js'

const VALUES = { attest: 'true', push: 'true', 'github-token': 'ghs' }
const idTokens = { url: 'https://tokens.example', token: new Secret('s') }

async function settled(values: Readonly<Record<string, string>>, changes: Parameters<typeof contextOf>[0] = {}) {
  let attest = ''
  const log = await logOf(() => {
    ;({ attest } = settleAttest(inputsOf({ ...VALUES, ...values }), contextOf({ idTokens, ...changes }), servicesOf()))
  })
  return { attest, log }
}

describe('attest', () => {
  it.each(['true', 'registry'])('stays what it is where it can be done: %s', async (attest) => {
    await expect(settled({ attest })).resolves.toStrictEqual({ attest, log: '' })
  })

  it.each([
    ['nothing is pushed', { push: 'false' }, {}, /nothing is pushed/],
    ['it is a pull request from a fork', {}, { event: eventOf({ fork: true }), idTokens: undefined }, /from a fork/],
    ['it is a job under act', {}, { act: true, idTokens: undefined }, /under act/],
  ])('is left out, with a note, where %s', async (_, values, changes, note) => {
    const { attest, log } = await settled(values, changes)
    expect(attest).toBe('false')
    expect(log).toMatch(note)
  })

  it.each([
    ['the job gets no identity token', {}, { idTokens: undefined }, /no identity token/, / {2}id-token: write\n/],
    [
      'the server has no attestations',
      {},
      { server: 'https://github.acme.example' },
      /github\.acme\.example/,
      /Remove/,
    ],
    ['there is no token to store them with', { 'github-token': '' }, {}, /"github-token", which is empty/, /Remove/],
  ])('is refused before the build where %s', (_, values, changes, message, hint) => {
    const error = refusal(() =>
      settleAttest(inputsOf({ ...VALUES, ...values }), contextOf({ idTokens, ...changes }), servicesOf()),
    )
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
  })
})
