import { objectOf, parseObject } from '../../json.js'

/**
 * How Docker builds here:
 * `buildx` by Buildx in a builder with a storage of its own (drivers docker-container, kubernetes and remote, and docker
 * where the daemon keeps its images in containerd), `buildx-docker` by Buildx in the daemon, `docker-build` by BuildKit in
 * the daemon with a client that needs no Buildx, `classic` by the builder that BuildKit has replaced.
 */
export type BuilderKind = 'buildx' | 'buildx-docker' | 'docker-build' | 'classic'

/** Docker, as it was found. */
export interface Docker {
  /** Absolute path of the client. */
  readonly path: string
  readonly kind: BuilderKind
  /** Version of the daemon; of BuildKit where a builder works without one. */
  readonly version: string
  /** What else is to be known of it, for the log: `Buildx 0.38.2, driver docker-container`. */
  readonly details: string
  /** Whether the daemon says that it runs without root. */
  readonly rootless: boolean
  /** Registries that the daemon speaks to without TLS, as its configuration names them; undefined without a daemon. */
  readonly insecure: readonly string[] | undefined
}

/** What `docker info --format '{{json .}}'` tells that matters here. */
export interface Info {
  /** Undefined where no daemon answered. */
  readonly server: { readonly version: string; readonly rootless: boolean; readonly containerd: boolean } | undefined
  readonly insecure: readonly string[]
  /** Why no daemon answered, as the client says it. */
  readonly trouble: string
  /** Name of the context that the client uses. */
  readonly context: string
  /** Version of the plugin Buildx, `0.38.2`; undefined without one. */
  readonly buildx: string | undefined
}

/** Reads what the client prints; pure. Of what is not in the form that is known, as much as can be used. */
export function parseInfo(stdout: string, stderr: string): Info {
  const told = parseObject(stdout)
  const client = objectOf(told['ClientInfo'])
  const errors = listOf(told['ServerErrors']).map(String)
  const version = told['ServerVersion']
  const isThere = typeof version === 'string' && version !== '' && errors.length === 0
  const options = listOf(told['SecurityOptions']).map(String)
  const plugins = listOf(client['Plugins']).map(objectOf)
  const buildx = plugins.find(({ Name: name, Err: error }) => name === 'buildx' && error === undefined)?.['Version']
  const context = client['Context']
  return {
    server: isThere
      ? {
          version,
          rootless: options.some((option) => option.split(',').includes('name=rootless')),
          containerd: JSON.stringify(told['DriverStatus'] ?? '').includes('io.containerd.snapshotter'),
        }
      : undefined,
    insecure: insecureOf(objectOf(told['RegistryConfig'])),
    trouble: [...errors, stderr.trim()].filter((text) => text !== '').join('\n'),
    context: typeof context === 'string' && context !== '' ? context : 'default',
    buildx: typeof buildx === 'string' ? buildx.replace(/^v/, '') : undefined,
  }
}

/** The driver of the builder that Buildx uses, from what `docker buildx inspect` prints; undefined where it says none. */
export function parseDriver(stdout: string): { readonly driver: string; readonly buildkit: string } | undefined {
  const driver = /^Driver: +(\S+)$/m.exec(stdout)?.[1]
  const buildkit = /^BuildKit(?: version)?: +v?(\S+)$/m.exec(stdout)?.[1] ?? 'of unknown version'
  return driver === undefined ? undefined : { driver, buildkit }
}

/** Whether the daemon may speak to a registry without TLS; pure. Loopback addresses are always among those. */
export function isInsecure(registry: string, insecure: readonly string[]): boolean {
  const host = registry.replace(/:\d+$/, '')
  return insecure.includes(registry) || insecure.includes(host) || /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(host)
}

function insecureOf(config: Readonly<Record<string, unknown>>): string[] {
  const named = Object.entries(objectOf(config['IndexConfigs'])).filter(([, one]) => objectOf(one)['Secure'] === false)
  return named.map(([name]) => name)
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
