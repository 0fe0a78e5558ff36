import { LOST_CONTENT } from '../errors.js'

/** What there is to do where nothing is known. */
export const SEE_LOG = 'The log has the whole output.'

type Hint = readonly [pattern: RegExp, hint: string]

/** What is known to be behind a message of Buildah or of a step, and what to do about it. */
const HINTS: readonly Hint[] = [
  [
    /no space left on device/i,
    'The disk is full. Free some of it in a step before, or set RUNNER_TEMP to a larger one.',
  ],
  [/exec format error/i, 'A program in the image is for another processor than this machine’s.'],
  [
    /short-name .* did not resolve|short-name resolution enforced/i,
    'Write the base image with its registry: `FROM docker.io/library/alpine`.',
  ],
  [
    /setting supplemental groups list|potentially insufficient UIDs or GIDs/i,
    'The account has too few subordinate ids: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER',
  ],
]

/**
 * What registries say that lack what was just sent to them; GitHub's has a word of its own for it. docker-registry first
 * says that a digest is invalid where another push of the same layer ends at that moment, and Buildah, from 1.33 at the
 * latest, shows what is said first alone.
 */
const LOST =
  /blob unknown|unknown blob|blob upload (unknown|invalid)|(digest|size) invalid|provided (digest|length) did not match|(uploading manifest|failed to push) .*manifest unknown/i

/** What registries say. Steps say such things as well, of other servers, so only Buildah's own error is looked at. */
const REGISTRY_HINTS: readonly Hint[] = [
  [
    /http: server gave HTTP response to HTTPS client/i,
    'The registry speaks plain HTTP. If that is meant so, write `tls-verify: false`.',
  ],
  [
    /x509: |tls: failed to verify certificate/i,
    'The certificate of the registry is not one that this machine knows. Add its authority to /etc/containers/certs.d/HOST/ca.crt, or write `tls-verify: false` for the registry that is pushed to.',
  ],
  [
    /toomanyrequests|too many requests/i,
    'The registry limits how much may be asked of it. Log in (`username`, `password`), or use a mirror.',
  ],
  [
    /invalid username\/password|unauthorized|authentication required|incorrect username or password|from registry 401\b/i,
    'The registry doesn’t accept the user name and password. Check "username", "password" and "registry"; with two-factor login, the password is an access token.',
  ],
  [
    /(?<!permission )denied|forbidden|from registry 403\b/i,
    'The registry knows the user and refuses: check that the repository exists and that the token may write to it.',
  ],
  [LOST, LOST_CONTENT.cure],
  [
    /name unknown|manifest unknown|404 \(|from registry 404\b/i,
    'The registry has nothing of that name: check that the repository exists.',
  ],
  [
    /connection refused|no such host|i\/o timeout|network is unreachable/i,
    'The registry can’t be reached from this machine. Check its name and port, and that it runs.',
  ],
]

/** What programs of a RUN say; only those of the step that failed are looked at. */
const RUN_HINTS: readonly Hint[] = [
  [
    /(?:^|\s)E: Failed to fetch \S+\.deb\s+404 {1,2}Not Found/m,
    'The package lists are older than what the mirror has: an `apt-get update` in a step of its own comes from the cache. Write both into one: `RUN apt-get update && apt-get install …`.',
  ],
  [
    // apt, curl and git; BusyBox; GNU wget; glibc, and by it Python; Node; Go.
    /Temporary failure resolving '|could not resolve (host|')|bad address '|unable to resolve host address|name or service not known|temporary failure in name resolution|getaddrinfo (ENOTFOUND|EAI_AGAIN)|dial tcp: lookup \S+.*no such host/i,
    'A program of the step doesn’t find a host by its name. Check the name, and whether RUN steps have a network (`network`); what only this machine knows goes into `add-hosts`.',
  ],
]

/** The first hint that fits what a program printed, undefined where nothing is known; pure. */
export function hintFor(output: string): string | undefined {
  const error = lastError(output)
  const step = output.slice(startOfLastStep(output))
  const [, keyword] = /building at STEP "(RUN|COPY|ADD) /.exec(error) ?? []
  const known: readonly (readonly [text: string, hints: readonly Hint[]])[] = [
    [output, HINTS],
    [error, keyword === undefined ? REGISTRY_HINTS : []],
  ]
  for (const [text, hints] of known) {
    const hint = hints.find(([pattern]) => pattern.test(text))
    if (hint !== undefined) return hint[1]
  }
  return keyword === 'RUN' ? hintForRun(step) : undefined
}

/** The same for what a RUN step that failed printed; pure. */
export function hintForRun(output: string): string | undefined {
  return RUN_HINTS.find(([pattern]) => pattern.test(output))?.[1]
}

function lastError(output: string): string {
  return output.slice(Math.max(0, output.lastIndexOf('Error: ')))
}

function startOfLastStep(output: string): number {
  return [...output.matchAll(/^(?:\[\d+\/\d+\] )?STEP \d/gm)].at(-1)?.index ?? 0
}

/**
 * How often a push is made again at most that ended because the registry lacked what it was sent; undefined where it
 * ended otherwise. What Buildah has tried again by itself counts. Pure.
 */
export function retriesOfLost(output: string): number | undefined {
  const error = lastError(output)
  if (!LOST.test(error) || /denied|unauthorized|authentication required|forbidden/i.test(error)) return undefined
  const own = output.match(/^.*retrying in.*$/gm)?.filter((line) => LOST.test(line)) ?? []
  return Math.max(0, LOST_CONTENT.retries - own.length)
}

/** Whether a failed push is worth another try: the registry or the way to it was busy or broke, and didn't say no; pure. */
export function isPassing(output: string): boolean {
  if (retriesOfLost(output) !== undefined) return true
  if (
    /unauthorized|authentication required|denied|forbidden|not found|name unknown|status:? (code )?40[0134]\b|from registry 40[0134]\b|\b40[0134] \(|no space left/i.test(
      output,
    )
  )
    return false
  return /too ?many ?requests|status:? (code )?(429|5\d\d)\b|from registry 5\d\d\b|\b(429|5\d\d) \(|time(d )?out|connection (reset|refused)|broken pipe|closed network connection|unexpected EOF|\bEOF\b|temporary failure|service unavailable|bad gateway/i.test(
    output,
  )
}
