import { describe, expect, it } from '@jest/globals'
import { inputsOf } from '../helpers.js'

const digests = `sha256:${'a'.repeat(64)}`

describe('what only counts for a build, beside the input digests', () => {
  it('is said in one warning', () => {
    const { warnings } = inputsOf(
      {
        digests,
        ...{ target: 'app', 'build-args': 'A=b', 'secret-envs': 'token=TOKEN', labels: 'a=b', checks: 'error' },
        ...{ compression: 'zstd', 'compression-level': '20', timestamp: 'epoch', 'no-cache': 'true' },
      },
      { TOKEN: 'x' },
    )
    expect(warnings).toStrictEqual([
      'digests: nothing is built, so these inputs have no effect: target, build-args, secret-envs, no-cache, checks, labels, timestamp, compression, compression-level',
    ])
  })

  it.each([
    {},
    { images: 'acme/web', tags: '1', flavor: 'latest=false', annotations: 'index:a=b', push: 'true' },
    { attest: 'true', artifacts: 'true', cache: 'off', 'tls-verify': 'false' },
    // As the runner hands them over where nothing is written.
    { context: '.', jobs: 'auto', checks: 'warn', pull: 'false', format: 'auto', compression: 'gzip', engine: 'auto' },
    { 'test-timeout': '5m', isolation: 'auto', 'force-compression': 'false', provenance: 'false', unchanged: 'skip' },
  ])('is none of %j', (values) => {
    expect(inputsOf({ digests, ...values }).warnings).toStrictEqual([])
  })

  it('is said nowhere else', () => {
    expect(inputsOf({ target: 'app' }).warnings).toStrictEqual([])
  })
})
