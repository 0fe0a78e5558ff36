import { describe, expect, it } from '@jest/globals'
import { endpointsOf } from '../../../src/signing/endpoints.js'

describe('the endpoints', () => {
  it('of github.com are the public Sigstore and GitHub’s own', () => {
    expect(endpointsOf('https://github.com')).toMatchObject({
      api: 'https://api.github.com',
      open: { fulcio: 'https://fulcio.sigstore.dev', witness: { rekor: 'https://rekor.sigstore.dev' } },
      closed: { fulcio: 'https://fulcio.githubapp.com', witness: { timestamps: 'https://timestamp.githubapp.com' } },
      insecure: [],
    })
  })

  it('of a tenant are its own', () => {
    expect(endpointsOf('https://acme.ghe.com')).toMatchObject({
      api: 'https://api.acme.ghe.com',
      closed: { fulcio: 'https://fulcio.acme.ghe.com', witness: { timestamps: 'https://timestamp.acme.ghe.com' } },
      insecure: [],
    })
  })

  // The identity token goes where these say: a name that only looks like GitHub's gets nothing.
  it.each([
    ...['https://github.example', 'http://github.com', 'http://127.0.0.1:3000', 'https://ghe.com', ''],
    ...['https://github.com.evil.example', 'https://github.com@evil.example', 'https://evil.example/.ghe.com'],
    ...['https://evil.example#.ghe.com', 'https://a.b.ghe.com', 'https://acme.ghe.com:8443', 'https://github.com/x'],
  ])('of %j are none', (server) => {
    expect(endpointsOf(server)).toBeUndefined()
  })
})
