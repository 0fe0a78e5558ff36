import { objectOf, parseObject, textsOf } from '../../lib/json.js'

/**
 * How Docker builds here, always by Buildx:
 * `buildx` in a builder with a storage of its own (drivers docker-container, kubernetes and remote, and docker where the
 * daemon keeps its images in containerd), `buildx-docker` in the daemon.
 */
export type BuilderKind = 'buildx' | 'buildx-docker'

/** The Docker that was found. */
export interface Docker {
  /** Absolute path of the client. */
  readonly path: string
  readonly kind: BuilderKind
  /** What builds, with its version: `BuildKit 0.34.2`, and `Docker 28.2.2` where that is BuildKit of the daemon. */
  readonly name: string
  readonly version: string
  /** Version of BuildKit; undefined if the builder doesn't report it. */
  readonly buildkit: string | undefined
  readonly buildx: string
  readonly driver: string
  readonly nodes: readonly BuilderNode[]
  /** Whether it keeps its steps when the machine is gone. */
  readonly keepsSteps: boolean
  /** Whether all that builds is known to run without root: the daemon, or each node of a builder elsewhere. */
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
  readonly failure: string
  /** Name of the context that the client uses. */
  readonly context: string
  /** Whether `docker` is Podman. */
  readonly isPodman: boolean
}

/** What `docker buildx inspect` tells of a builder. */
export interface Builder {
  readonly driver: string
  /** Undefined until it runs. */
  readonly buildkit: string | undefined
  readonly nodes: readonly BuilderNode[]
}

/** A BuildKit of a builder: it may have several, for different platforms. */
export interface BuilderNode {
  readonly name: string
  /** What it builds for, those that it emulates among them: `linux/amd64`. */
  readonly platforms: readonly string[]
  /** Whether it is known to run without root. */
  readonly rootless: boolean
}

/** Reads what the client prints; pure. Of what is not in the form that is known, as much as can be used. */
export function parseInfo(stdout: string, stderr: string): Info {
  const told = parseObject(stdout)
  const errors = textsOf(told['ServerErrors'])
  const version = told['ServerVersion']
  const isThere = typeof version === 'string' && version !== '' && errors.length === 0
  const options = textsOf(told['SecurityOptions'])
  const context = objectOf(told['ClientInfo'])['Context']
  return {
    server: isThere
      ? {
          version,
          rootless: options.some((option) => option.split(',').includes('name=rootless')),
          containerd: JSON.stringify(told['DriverStatus'] ?? '').includes('io.containerd.snapshotter'),
        }
      : undefined,
    insecure: insecureOf(objectOf(told['RegistryConfig'])),
    failure: [...errors, stderr.trim()].filter((text) => text !== '').join('\n'),
    context: typeof context === 'string' && context !== '' ? context : 'default',
    isPodman: /emulate docker cli using podman/i.test(stderr) || ('host' in told && 'store' in told),
  }
}

/** The version that a program reports if it was built without one. */
export const NO_VERSION = '0.0.0+unknown'

/** The version of Buildx, from what `docker buildx version` prints; undefined where that is something else. Pure. */
export function parseBuildxVersion(stdout: string): string | undefined {
  return /^github\.com\/docker\/buildx v?(\d\S*)/m.exec(stdout)?.[1]
}

/** The builder that Buildx uses, from what `docker buildx inspect` prints; undefined where it says none. Pure. */
export function parseBuilder(stdout: string): Builder | undefined {
  const driver = /^Driver: +(\S+)$/m.exec(stdout)?.[1]
  const buildkit = /^BuildKit(?: version)?: +v?(\d\S*)$/im.exec(stdout)?.[1]
  return driver === undefined ? undefined : { driver, buildkit, nodes: nodesIn(stdout) }
}

/** Drivers whose builders are elsewhere, and keep their steps from build to build. */
export const DRIVERS_ELSEWHERE: readonly string[] = ['remote', 'kubernetes', 'cloud']

function nodesIn(stdout: string): BuilderNode[] {
  const [, listed = ''] = stdout.split(/^Nodes:$/m)
  return listed.split(/^(?=Name:)/m).flatMap((text) => {
    const name = /^Name: +(\S+)$/m.exec(text)?.[1]
    const platforms = /^Platforms: +(.+)$/m.exec(text)?.[1] ?? ''
    // Of a driver's options, a preferred platform has a star.
    const known = platforms.split(/, */).map((one) => one.replace(/\*$/, ''))
    return name === undefined
      ? []
      : [{ name, platforms: known.filter((one) => one !== ''), rootless: isRootless(text) }]
  })
}

/**
 * By the option of the driver `kubernetes`, or since BuildKit gives its steps no PID namespace: it refuses that as root.
 * Nothing else tells.
 */
function isRootless(node: string): boolean {
  return (
    /^Driver Options: .*\brootless="?true\b/m.test(node) ||
    /^ org\.mobyproject\.buildkit\.worker\.oci\.process-mode: +no-sandbox$/m.test(node)
  )
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
