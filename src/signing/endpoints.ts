/** A Sigstore that signs: an authority for certificates, and what says when something was signed. */
export interface SigstoreInstance {
  /** Base URL of the certificate authority (Fulcio). */
  readonly fulcio: string
  /** Base URL of the public transparency log (Rekor), or of the timestamp authority (RFC 3161). */
  readonly witness: { readonly rekor: string } | { readonly timestamps: string }
  /** Where its state is shown, for people. */
  readonly status: string
}

/** Where statements are signed and stored. */
export interface Endpoints {
  /** Base URL of GitHub's REST API. */
  readonly api: string
  /** For public repositories: what it signs is in a log that everybody reads. */
  readonly open: SigstoreInstance
  /** For all others. */
  readonly closed: SigstoreInstance
  /** Hosts (`host:port`) that may be asked without TLS. */
  readonly insecure: readonly string[]
}

const PUBLIC_GOOD: SigstoreInstance = {
  fulcio: 'https://fulcio.sigstore.dev',
  witness: { rekor: 'https://rekor.sigstore.dev' },
  status: 'https://status.sigstore.dev',
}
const TENANT = /^https:\/\/[a-z0-9-]+\.ghe\.com$/

/**
 * The endpoints of a GitHub server; undefined for one that has no attestations, such as GitHub Enterprise Server. Nothing
 * but the server decides on them: whoever could name another one would get the identity token of the job. Pure.
 * @param server `https://github.com` or `https://TENANT.ghe.com`
 */
export function endpointsOf(server: string): Endpoints | undefined {
  if (server !== 'https://github.com' && !TENANT.test(server)) return undefined
  const host = new URL(server).hostname
  const domain = host === 'github.com' ? 'githubapp.com' : host
  const closed = {
    fulcio: `https://fulcio.${domain}`,
    witness: { timestamps: `https://timestamp.${domain}` },
    status: 'https://www.githubstatus.com',
  }
  return { api: `https://api.${host}`, open: PUBLIC_GOOD, closed, insecure: [] }
}
