import { LOST_CONTENT } from '../errors.js'
import { quote } from '../lib/quote.js'
import { type Scene, whyBadPattern, whyNoInstruction, whyNoLogin, whyNoProgram, whyNoStage } from './known-causes.js'

/** The hint for an unknown failure. */
export const SEE_LOG = 'The log has the whole output.'

/** A message, and what to do about it: a text, or what can be told of this case, undefined where it is another one. */
type Hint = readonly [pattern: RegExp, hint: string | ((found: RegExpExecArray, scene: Scene) => string | undefined)]

const TOO_MANY =
  'The registry limits the rate of requests. Log in (`username`, `password`; `registry-auth` for several registries), or pull from a mirror: `registry-mirrors: docker.io=mirror.gcr.io`.'

const REFUSED_LOGIN =
  'The registry doesn\'t accept the user name and password. Check "username", "password" and "registry"; with two-factor authentication, use an access token as the password.'

/** Known messages of Buildah and of RUN steps, each with its hint. */
const HINTS: readonly Hint[] = [
  [
    /no space left on device/i,
    'The disk is full. Free some space in an earlier step, or set RUNNER_TEMP to a larger one.',
  ],
  [/exec format error/i, "A program in the image is built for another processor than this machine's."],
  [/\bfrom=(\S+): no stage or image found with that name/, ([, name = ''], scene) => whyNoStage(name, scene)],
  [
    /short-name .* did not resolve|short-name resolution enforced/i,
    'Write the base image with its registry: `FROM docker.io/library/alpine`.',
  ],
  [
    /setting supplemental groups list|potentially insufficient UIDs or GIDs/i,
    'The account has too few subordinate IDs: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER',
  ],
  [
    /lint violation found for rules: ([\w, ]+)/,
    ([, rules = '']) =>
      `The checks of BuildKit found what the input "checks", or the Dockerfile itself, makes an error: ${rules.trim()}. Correct the lines that the log shows, or begin the Dockerfile with \`# check=skip=${rules.trim().replaceAll(', ', ',')}\`.`,
  ],
  [
    // Buildx, of a daemon without the image store of containerd.
    /docker exporter does not (?:currently )?support exporting manifest lists/,
    "An image with `provenance` or `sbom`, or of several platforms, is an index, and Docker's own format has none. Remove `load` and `type=docker`, write `type=oci` for an archive, or build without attestations.",
  ],
  [
    /max depth exceeded/i,
    'The image has more layers than the storage allows. Join RUN, COPY and ADD instructions, or start a stage with fewer: `FROM scratch` and `COPY --from=build / /`.',
  ],
]

/** What Buildah itself says of a step, or of the context. */
const BUILD_HINTS: readonly Hint[] = [
  [
    /(?:Build error|parse error on line \d+): unknown instruction: "?([^\s"]+)/i,
    ([, name = '']) => whyNoInstruction(name),
  ],
  [
    /no FROM statement found/i,
    'A Dockerfile begins with FROM, and this one has none. Check the spelling of its first instruction.',
  ],
  [/^Error: no contents in "/, 'The Dockerfile is empty. Begin it with a base image: `FROM docker.io/library/alpine`.'],
  [/syntax error in pattern/i, ({ input }, scene) => whyBadPattern(input, scene)],
  [
    /building at STEP "EXPOSE ([^"\s]*\$[^"\s]*)": EXPOSE requires at least one argument/,
    ([, port = '']) =>
      `${port} has no value here, and Buildah takes an EXPOSE of nothing for a mistake. Give the variable a value (\`build-args\`), or a default before it: \`ARG ${port.replaceAll(/[^\w]/g, '')}=8080\`.`,
  ],
  [
    // What isn't UTF-8 is lost on the way between two processes of Buildah; Docker sends none of it.
    /(?:stat|open|readlink|copier)[^\n]*(?:\uFFFD|\\x[89a-f][0-9a-f]|\\ufffd)[^\n]*no such file or directory|contains invalid UTF-8/i,
    "A file of the context has a name that isn't UTF-8, and it can't be copied. Rename it, or exclude it in .dockerignore. This lists such files: `LC_ALL=C.UTF-8 find . | grep -axv '.*'`.",
  ],
]

/**
 * What registries say that lack what was just sent to them; GitHub's has a word of its own for it. docker-registry first
 * says that a digest is invalid where another push of the same layer ends at that moment, and Buildah, from 1.33 at the
 * latest, shows what is said first alone.
 */
const LOST =
  /blob unknown|unknown blob|blob upload (unknown|invalid)|(digest|size) invalid|provided (digest|length) did not match|(uploading manifest|failed to push) .*manifest unknown/i

const NO_REGISTRY =
  'The server at this address isn\'t a registry, or a proxy answers in its place; no login was checked. Check "registry" and the names of the images (host or host:port, without a path), and HTTPS_PROXY and NO_PROXY.'

/** What is said where a user and a password are tried: no repository has anything to do with that. */
const LOGIN_HINTS: readonly Hint[] = [
  [/(bearer|access|auth) token\b.*\b40[13]\b|access (denied|forbidden)/i, REFUSED_LOGIN],
  [
    /status( ?code)?( from registry)?:? 40[345]\b|<!?\w|invalid character '<'|\b(denied|forbidden|(?<!file )not found)\b/i,
    NO_REGISTRY,
  ],
]

/** What registries say. Steps say such things as well, of other servers, so only Buildah's own error is looked at. */
const REGISTRY_HINTS: readonly Hint[] = [
  // The ping of `/v2/`.
  [/pinging container registry \S+: .*(?:status ?code(?: from registry)?:? 40[345]\b|"<)/i, NO_REGISTRY],
  [
    /http: server gave HTTP response to HTTPS client/i,
    'The registry uses plain HTTP. If that is intended, write `tls-verify: false`.',
  ],
  [
    /x509: |tls: failed to verify certificate/i,
    "This machine doesn't trust the certificate of the registry. Add its certificate authority to /etc/containers/certs.d/HOST/ca.crt, or write `tls-verify: false` if it is the registry that you push to.",
  ],
  [
    /\bquota\b|storage (limit|space)|upper limit|insufficient storage|limit (is \d|exceeded)|exceed\w* .*\b(limit|storage)|(registry|repository) .*\bis full/i,
    'The registry has no space left for this account or project: its quota is used up. Delete images there that are no longer needed, or have the quota raised.',
  ],
  [
    /\b413\b|(request entity|payload|content) too large/i,
    'A layer is larger than the registry, or a proxy in front of it, accepts. Have that limit raised (nginx: `client_max_body_size 0`), or spread the files over several instructions.',
  ],
  [/toomanyrequests|too many requests/i, TOO_MANY],
  [
    /invalid username\/password|unauthorized|authentication required|no basic auth credentials|incorrect username or password|from registry 401\b/i,
    (_, scene) => whyNoLogin(scene) ?? REFUSED_LOGIN,
  ],
  [
    /(?<!permission )denied|forbidden|from registry 403\b/i,
    (_, scene) =>
      whyNoLogin(scene) ??
      'The login is valid, but it has no access: check that the repository exists and that the token may write to it.',
  ],
  [LOST, LOST_CONTENT.hint],
  [
    /name unknown|manifest unknown|404 \(|from registry 404\b/i,
    'The registry has nothing with that name: check that the repository exists.',
  ],
  [
    /connection refused|no such host|i\/o timeout|network is unreachable/i,
    "The registry can't be reached from this machine. Check its name and port, and that it is running.",
  ],
]

/** What programs of a RUN say; only those of the step that failed are looked at. */
const RUN_HINTS: readonly Hint[] = [
  [
    /(?:^|\s)E: Failed to fetch \S+\.deb\s+404 {1,2}Not Found/m,
    'The package lists are older than the mirror: an `apt-get update` in its own step comes from the cache. Write both in one step: `RUN apt-get update && apt-get install …`.',
  ],
  [
    // apt, curl and git; BusyBox; GNU wget; glibc, and by it Python; Node; Go.
    /Temporary failure resolving '|could not resolve (host|')|bad address '|unable to resolve host address|name or service not known|temporary failure in name resolution|getaddrinfo (ENOTFOUND|EAI_AGAIN)|dial tcp: lookup \S+.*no such host/i,
    "A program of the step can't resolve a host name. Check the name, and whether RUN steps have a network (`network`); names that only this machine knows go into `add-hosts`.",
  ],
  [
    // dash, BusyBox and bash; the last such line counts, and only where the step ended because of it.
    /^[^]*\b(?:a|ba|da)?sh: (?:line )?(?:\d+: )?([^\s:]+): (?:command )?not found\n[^]*exit (?:status|code:?) 127\b/,
    ([, program = '']) =>
      `The image has no program ${quote(program)} at this step. Check its name, or install it in an earlier step.`,
  ],
  [
    /^[^]*\b(?:a|ba|da)?sh: (?:line )?(?:\d+: )?([^\s:]+): Permission denied\n[^]*exit (?:status|code:?) 126\b/,
    ([, program = '']) =>
      `${quote(program)} isn't executable. Copy it with \`COPY --chmod=755\`, or commit it so: \`git update-index --chmod=+x FILE\`.`,
  ],
  [
    // Buildah with chroot; runc, also of BuildKit; crun.
    /fork\/exec (\/[^\s:]+): no such file|exec: "([^"]+)": (?:stat .*no such file|executable file not found)|executable file [`']([^`']+)[`'] not found/i,
    ([, ...programs]) => whyNoProgram(programs.find(Boolean) ?? ''),
  ],
]

/**
 * The first hint that fits what a program printed, undefined where nothing is known; pure.
 * @param scene what else is known of what failed
 */
export function hintFor(output: string, scene: Scene = {}): string | undefined {
  const error = lastError(output)
  const [, keyword] = /building at STEP "(RUN|COPY|ADD) /.exec(error) ?? []
  const ofRegistry = keyword === undefined ? REGISTRY_HINTS : []
  return (
    firstOf(HINTS, output, scene) ??
    firstOf(BUILD_HINTS, error, scene) ??
    firstOf(scene.isLogin === true ? LOGIN_HINTS : [], error, scene) ??
    firstOf(ofRegistry, error, { ...scene, registry: scene.registry ?? registryIn(error) }) ??
    (keyword === 'RUN' ? hintForRun(output.slice(startOfLastStep(output))) : undefined)
  )
}

/** The same for what a RUN step that failed printed; pure. */
export function hintForRun(output: string): string | undefined {
  return firstOf(RUN_HINTS, output, {})
}

function firstOf(hints: readonly Hint[], text: string, scene: Scene): string | undefined {
  for (const [pattern, hint] of hints) {
    const found = pattern.exec(text)
    if (found === null) continue
    const said = typeof hint === 'string' ? hint : hint(found, scene)
    if (said !== undefined) return said
  }
  return undefined
}

/** The registry that an error message of Buildah names. */
function registryIn(error: string): string | undefined {
  return /docker:\/\/([^/\s"]+)\//.exec(error)?.[1]
}

function lastError(output: string): string {
  return output.slice(Math.max(0, output.lastIndexOf('Error: ')))
}

function startOfLastStep(output: string): number {
  return [...output.matchAll(/^(?:\[\d+\/\d+\] )?STEP \d/gm)].at(-1)?.index ?? 0
}

/**
 * How often a push may be repeated that failed because the registry lost what it was sent; undefined if it failed for
 * another reason. Buildah's own retries count. Pure.
 */
export function retriesOfLost(output: string): number | undefined {
  const error = lastError(output)
  if (!LOST.test(error) || /denied|unauthorized|authentication required|forbidden/i.test(error)) return undefined
  const own = output.match(/^.*retrying in.*$/gm)?.filter((line) => LOST.test(line)) ?? []
  return Math.max(0, LOST_CONTENT.retries - own.length)
}

/** Whether a push failed because the registry accepts no OCI manifest, by the same signs as Buildah goes by. Pure. */
export function refusesOci(output: string): boolean {
  const error = lastError(output)
  const isOfManifest = /(uploading|writing) manifest/i.test(error)
  // What says so of a tag may mean one that is there already, and may not be changed.
  if (!isOfManifest || /immutable|already exists|overwr/i.test(error)) return false
  return /(manifest|tag) invalid|unsupported|invalid json syntax|status(code| code)?:? 415\b|\b415 \(/i.test(error)
}

/** Whether a failed push is worth a retry: the registry or the network failed, and nothing was refused. Pure. */
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
