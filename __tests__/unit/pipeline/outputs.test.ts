import { describe, expect, it } from '@jest/globals'
import { hiddenOutputs, outputsOf } from '../../../src/pipeline/outputs.js'
import { inputsOf, resultOf } from '../helpers.js'

const result = resultOf('ghcr.io/acme/web:1.2.3', 'ghcr.io/acme/web:latest')

describe('outputsOf', () => {
  it('has the digest of the first reference, and each with its own', () => {
    const [digest, imageid] = [`sha256:${'d'.repeat(64)}`, `sha256:${'e'.repeat(64)}`]
    expect(outputsOf(result)).toMatchObject({
      ...{ built: true, digest, imageid, version: '1.2.3', labels: 'team=web' },
      tags: 'ghcr.io/acme/web:1.2.3\nghcr.io/acme/web:latest',
      metadata: { 'containerimage.digest': digest, 'containerimage.config.digest': imageid },
      pushed: [
        { reference: 'ghcr.io/acme/web:1.2.3', digest, registry: 'ghcr.io' },
        { reference: 'ghcr.io/acme/web:latest', digest, registry: 'ghcr.io' },
      ],
    })
  })

  it('has bare tags where there is no reference', () => {
    const { metadata } = resultOf()
    const json = { ...metadata.json, tags: ['main'] }
    const bare = { ...resultOf(), metadata: { ...metadata, bareTags: ['main'], tagNames: ['main'], json } }
    expect(outputsOf(bare)).toMatchObject({ tags: 'main', 'tag-names': 'main' })
  })
})

describe('hiddenOutputs', () => {
  const said = (values: Readonly<Record<string, string>>) => hiddenOutputs(outputsOf(result), inputsOf(values))

  it('names the outputs that have a line of a secret in them, a lone bracket too, and no line of it', () => {
    const text = said({ secrets: '"cfg={\n  ""token"": ""hunter2""\n}"' })
    expect(text).toContain(
      '"json", "metadata", "pushed", "platform-digests", "cache-stats" (a line of the secret "cfg")',
    )
    expect(text).not.toMatch(/hunter2|[{}]/)
  })

  it.each([
    [{ secrets: 'name=acme' }, /"tags", "json", "metadata", "pushed" \(a line of the secret "name"\)\./],
    [{ username: 'me', password: 'latest' }, /"tags", "tag-names", "json", .* \(a line of the input "password"\)\./],
    [{ secrets: 'a=1.2.3\nb=zzzz\n"c=yyyy\nlatest"' }, /the secret "a"\); .*the secret "c"\)\./],
  ])('says of %j what is hidden', (values, expected) => {
    expect(said(values)).toMatch(expected)
  })

  it.each([
    {},
    { secrets: 'key=hunter2' },
    { secrets: '"key=-----BEGIN-----\nhunter2\n"' },
    { 'secret-files': 'a=web' },
  ])('says nothing of %j', (values) => {
    expect(said(values)).toBeUndefined()
  })
})
