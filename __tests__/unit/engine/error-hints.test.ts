import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { hintFor, hintForRun, isPassing, refusesOci, retriesOfLost } from '../../../src/engine/error-hints.js'
import { isBadPattern } from '../../../src/engine/known-causes.js'

/** What Buildah 1.28.2 prints for a registry that answers so, with shorter digests. */
const pushing =
  'Getting image source signatures\n' +
  'Copying blob sha256:7244025a111da1351cd83215f7bd994bf1b786b112d99cbf7cf980fdc124e3a7\n' +
  'Error: pushing image "13ffee9ad4d4" to "docker://127.0.0.1:43269/acme/web:1": '
const reuse = `${pushing}trying to reuse blob sha256:7244025a111d at destination: `
const ping = 'authenticating creds for "127.0.0.1:33229": pinging container registry 127.0.0.1:33229: '

const busy = [
  ['429', `${reuse}failed to read from destination repository acme/web: 429 (Too Many Requests)`],
  [
    '429 with a body',
    `${pushing}writing blob: initiating layer upload to /v2/acme/web/blobs/uploads/ in 127.0.0.1:35201: toomanyrequests: slow down`,
  ],
  ['500', `${reuse}failed to read from destination repository acme/web: 500 (Internal Server Error)`],
  ['502', `${reuse}failed to read from destination repository acme/web: 502 (Bad Gateway)`],
  ['503', `${reuse}failed to read from destination repository acme/web: 503 (Service Unavailable)`],
  [
    '503 at once',
    `${reuse}pinging container registry 127.0.0.1:33229: invalid status code from registry 503 (Service Unavailable)`,
  ],
  ['503 at login', `Error: ${ping}invalid status code from registry 503 (Service Unavailable)`],
  [
    'a reset',
    `${reuse}Head "http://127.0.0.1:34309/v2/acme/web/blobs/sha256:7244": read tcp 127.0.0.1:40150->127.0.0.1:34309: read: connection reset by peer`,
  ],
  ['a connection that is closed', `${reuse}Head "http://127.0.0.1:46641/v2/acme/web/blobs/sha256:7244": EOF`],
  [
    'an upload that is cut',
    `${pushing}writing blob: Patch "http://127.0.0.1:41127/v2/acme/web/blobs/uploads/1": write tcp 127.0.0.1:56288->127.0.0.1:41127: use of closed network connection`,
  ],
  [
    'nobody there',
    `${reuse}pinging container registry 127.0.0.1:1: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`,
  ],
  [
    'nobody there at login',
    `Error: ${ping}Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused`,
  ],
] as const

const refusing = [
  [
    '401',
    `${reuse}checking whether a blob sha256:7244 exists in 127.0.0.1:38967/acme/web: unauthorized: authentication required`,
  ],
  ['401 at login', 'Error: logging into "127.0.0.1:38967": invalid username/password'],
  ['403', `${reuse}failed to read from destination repository acme/web: 403 (Forbidden)`],
  [
    '403 with a body',
    `${pushing}writing blob: initiating layer upload to /v2/acme/web/blobs/uploads/ in 127.0.0.1:38027: denied: requested access to the resource is denied`,
  ],
  [
    '404',
    `${pushing}writing blob: initiating layer upload to /v2/acme/web/blobs/uploads/ in 127.0.0.1:39981: name unknown`,
  ],
  [
    'plain HTTP',
    `${reuse}pinging container registry 127.0.0.1:36563: Get "https://127.0.0.1:36563/v2/": http: server gave HTTP response to HTTPS client`,
  ],
  [
    'an unknown certificate',
    `Error: ${ping}Get "https://127.0.0.1:39511/v2/": x509: certificate signed by unknown authority`,
  ],
  [
    'no such host',
    `${reuse}pinging container registry no-such-host.invalid: Get "https://no-such-host.invalid/v2/": dial tcp: lookup no-such-host.invalid on 192.0.2.53:53: no such host`,
  ],
  [
    'a full disk',
    'Error: writing blob: storing blob to file "/temp/storage1": write /temp/storage1: no space left on device',
  ],
] as const

const manifest = `${pushing}writing manifest: uploading manifest 1 to 127.0.0.1:33529/acme/web: `
const blob = `${pushing}writing blob: uploading layer chunked: `
const docker = 'The push refers to repository [127.0.0.1:43837/acme/web]\n97d2ff0d6bd3: Pushed\n'

/** What Buildah 1.28.2, 1.33.7 and 1.43.2, Docker 20.10 and BuildKit 0.34.2 print for a registry that lacks what it was just sent. */
const lost = [
  ['a blob of the manifest', `${manifest}manifest blob unknown: blob unknown to registry`],
  ['a blob of the manifest, to Buildah 1.43', `${manifest}blob unknown to registry`],
  ['a blob of the manifest, by the code alone', `${manifest}manifest blob unknown`],
  [
    'a blob of the manifest, among other errors',
    `${manifest}errors:\ndigest invalid\nmanifest blob unknown: blob unknown to registry\n\n`,
  ],
  ['a blob of the manifest, among other errors, to Buildah 1.33', `${manifest}digest invalid`],
  ['a blob of the manifest, by the status', `${manifest}StatusCode: 404, blob unknown to registry`],
  ['a manifest', `${manifest}manifest unknown: manifest unknown`],
  ['a blob', `${blob}blob unknown: blob unknown to registry`],
  ['an upload', `${blob}blob upload unknown: blob upload unknown to registry`],
  ['some of a blob', `${blob}size invalid`],
  ['a whole upload', `${blob}blob upload invalid: blob upload invalid`],
  ['a blob, in words of GitHub’s registry', `${manifest}blob unknown: unknown blob`],
  ['a blob, to Docker', `${docker}errors:\ndigest invalid\nmanifest blob unknown: blob unknown to registry\n\n`],
  ['an upload, to Docker', `${docker}blob upload unknown\n`],
  [
    'a blob of the manifest, to BuildKit',
    'ERROR: failed to build: failed to solve: failed to push 127.0.0.1:41987/acme/web:1: unknown: blob unknown to registry\n',
  ],
  [
    'some of a blob, to BuildKit',
    'ERROR: failed to build: failed to solve: failed to push 127.0.0.1:41987/acme/web:1: unknown: provided length did not match content length\n',
  ],
  [
    'a manifest, to BuildKit',
    'ERROR: failed to build: failed to solve: failed to push 127.0.0.1:41987/acme/web:1: unknown: manifest unknown\n',
  ],
] as const

describe('an EXPOSE of nothing', () => {
  it('names the variable, and a default for it', () => {
    const output =
      'STEP 3/4: EXPOSE ${PORT}\nError: building at STEP "EXPOSE ${PORT}": EXPOSE requires at least one argument'
    expect(hintFor(output)).toMatch(/^\$\{PORT\} has no value here, .*`ARG PORT=8080`\.$/)
    expect(hintFor('Error: building at STEP "EXPOSE ": EXPOSE requires at least one argument')).toBeUndefined()
  })
})

describe('retriesOfLost', () => {
  it.each(lost)('%s: it is pushed again twice', (_, output) => {
    expect(retriesOfLost(output)).toBe(2)
    expect(isPassing(output)).toBe(true)
    expect(hintFor(output)).toMatch(/doesn't find content that was just pushed to it/)
  })

  it.each([...busy, ...refusing])('%s is another matter', (_, output) => {
    expect(retriesOfLost(output)).toBeUndefined()
  })

  const own = (tries: number, text: string) =>
    `time="2026-11-29T14:50:30Z" level=warning msg="Failed, retrying in 2s ... (${tries}/3). Error: ${text}"\n`

  it.each([
    [1, 1],
    [2, 0],
    [3, 0],
  ])('counts what Buildah has tried again by itself: %i, and %i are left', (tries, left) => {
    const tried = Array.from({ length: tries }, (_, index) =>
      own(index + 1, 'writing manifest: blob unknown to registry'),
    )
    expect(retriesOfLost(`${tried.join('')}${manifest}blob unknown to registry`)).toBe(left)
  })

  it('doesn’t count what Buildah has tried again for another reason', () => {
    expect(retriesOfLost(`${own(1, 'connection reset by peer')}${manifest}blob unknown to registry`)).toBe(2)
  })

  it.each([
    ['a no', 'unauthorized: authentication required'],
    ['a no beside it', 'errors:\ndenied: requested access to the resource is denied\nblob unknown: unknown blob'],
    ['nothing of it', 'manifest invalid: manifest invalid'],
  ])('goes by the last word: %s', (_, text) => {
    const output = `${own(1, 'writing manifest: blob unknown to registry')}${manifest}${text}`
    expect(retriesOfLost(output)).toBeUndefined()
    expect(isPassing(output)).toBe(false)
    expect(hintFor(output) ?? '').not.toMatch(/pushed to it/)
  })
})

describe('isPassing', () => {
  it.each(busy)('%s is worth another try', (_, output) => {
    expect(isPassing(output)).toBe(true)
  })

  it.each(refusing)('%s is not', (_, output) => {
    expect(isPassing(output)).toBe(false)
  })

  it.each([
    ['a timeout', 'Get "https://ghcr.io/v2/": net/http: TLS handshake timeout', true],
    ['a timeout of the connection', 'dial tcp 10.0.0.1:443: i/o timeout', true],
    [
      'a deadline',
      'Get "https://ghcr.io/v2/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
      true,
    ],
    ['an end in the middle', 'writing blob: Patch "https://ghcr.io/v2/x": unexpected EOF', true],
    ['a pipe', 'write tcp 10.0.0.2:1->10.0.0.1:443: write: broken pipe', true],
    ['a name server', 'lookup ghcr.io: Temporary failure in name resolution', true],
    // A try that said no after one that was busy: Buildah itself tries again, and its last word counts as a no.
    [
      'a no after a reset',
      'warning: connection reset by peer, retrying\nError: unauthorized: authentication required',
      false,
    ],
    ...[400, 401, 403, 404].map(
      (status) =>
        [
          `${status} after a reset`,
          `warning: connection reset by peer, retrying\nError: invalid status code from registry ${status}`,
          false,
        ] as const,
    ),
    ['nothing', '', false],
    [
      'the numbers of a port and a digest',
      `${pushing}reading manifest sha256:5035035035 in 127.0.0.1:5030: unsupported`,
      false,
    ],
  ])('%s: %j is %s', (_, output, expected) => {
    expect(isPassing(output)).toBe(expected)
  })
})

describe('hintFor', () => {
  const texts = new Map<string, string>([...busy, ...refusing])

  it.each([
    ['429', /Log in|mirror/],
    ['429 with a body', /Log in|mirror/],
    ['401', /"username", "password" and "registry"/],
    ['401 at login', /"username", "password" and "registry"/],
    ['403', /token may write/],
    ['403 with a body', /token may write/],
    ['404', /repository exists/],
    ['plain HTTP', /`tls-verify: false`/],
    ['an unknown certificate', /certs\.d.*`tls-verify: false`/],
    ['no such host', /name and port/],
    ['nobody there', /name and port/],
    ['nobody there at login', /name and port/],
    ['a full disk', /disk is full/],
  ])('%s', (name, hint) => {
    expect(hintFor(texts.get(name) ?? '')).toMatch(hint)
  })

  it.each([
    [
      'a base image without its registry',
      'Error: creating build container: short-name "nosuch-image-xyz" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
      /FROM docker\.io\/library/,
    ],
    [
      'a base image of several possible registries',
      'Error: creating build container: short-name resolution enforced but cannot prompt without a TTY',
      /FROM docker\.io\/library/,
    ],
    [
      'a registry out of reach, and a tag that could be a status',
      'Error: pushing image "13ffee9ad4d4" to "docker://127.0.0.1:1/acme/web:403": dial tcp 127.0.0.1:1: connect: connection refused',
      /name and port/,
    ],
    ['another processor', 'exec container process `/bin/sh`: Exec format error', /processor/],
    ['too few ids', 'error setting supplemental groups list: operation not permitted', /--add-subuids/],
    [
      'too few ids for a file',
      'potentially insufficient UIDs or GIDs available in user namespace (requested 70000:70000 for /x)',
      /--add-subuids/,
    ],
  ])('%s', (_, output, hint) => {
    expect(hintFor(output)).toMatch(hint)
  })

  it.each([
    ['nothing', ''],
    [
      'a file that is missing',
      'Error: building at STEP "COPY nope /f": checking on sources under "/ctx": copier: stat: "/nope": no such file or directory',
    ],
    // No registry has anything to do with these.
    [
      'a file of a step that may not be run',
      '/bin/sh: 1: ./configure: Permission denied\nError: building at STEP "RUN ./configure": while running runtime: exit status 126',
    ],
    [
      'a file of the context that can’t be read',
      'Error: building at STEP "COPY . /": checking on sources under "/ctx": copier: get: open "/ctx/key": permission denied',
    ],
    ['a folder of the machine', 'stat /root/.config/containers/storage.conf: permission denied'],
    [
      'a mirror that a step asks',
      'E: Failed to fetch http://mirror.invalid/x.deb  403  Forbidden [IP: 10.0.0.1 80]\nError: building at STEP "RUN apt-get install x": while running runtime: exit status 100',
    ],
    [
      'a port that a step asks',
      'curl: (7) Failed to connect to localhost port 80: Connection refused\nError: building at STEP "RUN curl localhost": while running runtime: exit status 7',
    ],
    [
      'a number that a step prints',
      'Setting up libexample (429-1)\nError: building at STEP "RUN false": while running runtime: exit status 1',
    ],
  ])('says nothing of a registry for %s', (_, output) => {
    expect(hintFor(output) ?? '').not.toMatch(/registry|Log in/)
  })

  const failing = (text: string, step = 'RUN x') =>
    `STEP 2/2: ${step}\n${text}\nsubprocess exited with status 1\nError: building at STEP "${step}": exit status 1`
  const aptOf = (file: string) =>
    `Err:1 http://127.0.0.1:8765 ./ hello-old 1.0\n  404  Not Found [IP: 127.0.0.1 8765]\nE: Failed to fetch http://127.0.0.1:8765/./${file}  404  Not Found [IP: 127.0.0.1 8765]\nE: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?`

  it('says of a package that the mirror has no more that the lists are old', () => {
    expect(hintFor(failing(aptOf('hello-old_1.0_amd64.deb')))).toMatch(
      /package lists.*apt-get update && apt-get install/,
    )
    // A source that isn't there at all is another matter.
    expect(hintFor(failing(aptOf('Packages')))).toBeUndefined()
  })

  it.each([
    ['curl', 'curl: (6) Could not resolve host: no-such-host.invalid'],
    [
      'Git',
      "fatal: unable to access 'http://no-such-host.invalid/x.git/': Could not resolve host: no-such-host.invalid",
    ],
    ['BusyBox', "wget: bad address 'no-such-host.invalid'"],
    ['GNU wget', 'wget: unable to resolve host address ‘no-such-host.invalid’'],
    ['apt', "  Temporary failure resolving 'no-such-host.invalid'"],
    ['Node', 'getaddrinfo ENOTFOUND no-such-host.invalid'],
    ['Python', 'urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>'],
    ['Go', 'dial tcp: lookup no-such-host.invalid on 127.0.0.53:53: no such host'],
  ])('knows a host without an address from %s', (_, text) => {
    expect(hintFor(failing(text))).toMatch(/resolve a host name.*`network`/)
  })

  it('knows them behind what BuildKit puts before each line', () => {
    expect(hintForRun(`#7 1.234 ${aptOf('a_1_all.deb').split('\n')[2] ?? ''}`)).toMatch(/package lists/)
    expect(hintForRun('#7 0.2 curl: (6) Could not resolve host: x')).toMatch(/resolve a host name/)
  })

  it.each([
    ['BusyBox', '/bin/sh: npm: not found\nsubprocess exited with status 127\n'],
    ['dash', 'configure: curl: not found\n/bin/sh: 1: npm: not found\n'],
    ['bash', 'bash: line 1: npm: command not found\n'],
    ['BuildKit', '#7 0.345 /bin/sh: 1: npm: not found\n#7 ERROR: process "/bin/sh -c npm ci" did not complete\n'],
  ])('names a program that isn’t in the image, as %s does', (_, said) => {
    const hint = 'The image has no program "npm" at this step. Check its name, or install it in an earlier step.'
    expect(hintForRun(`${said}exit ${_ === 'BuildKit' ? 'code:' : 'status'} 127`)).toBe(hint)
    expect(hintForRun(`${said}exit status 1`)).toBeUndefined()
  })

  it("says how a program that isn't executable is made so", () => {
    const said = '/bin/sh: /run.sh: Permission denied\nsubprocess exited with status 126\n'
    expect(hintForRun(`${said}exit status 126`)).toMatch(/^"\/run\.sh" isn't executable\. .*--chmod=755/)
    expect(hintForRun(`${said}exit status 1`)).toBeUndefined()
  })

  it.each([
    ['Error: no FROM statement found\n', /^A Dockerfile begins with FROM/],
    ['Error: no contents in "/w/Dockerfile"\n', /^The Dockerfile is empty/],
  ])('knows a Dockerfile that is none: %s', (output, hint) => {
    expect(hintFor(output)).toMatch(hint)
  })

  it('looks only at the step that failed', () => {
    const before = 'STEP 1/2: RUN curl x || true\ncurl: (6) Could not resolve host: x\n--> 0123456789a\n'
    expect(hintFor(before + failing('no'))).toBeUndefined()
    expect(hintFor(failing('curl: (6) Could not resolve host: x', 'COPY a /b'))).toBeUndefined()
  })
})

describe('hintFor a login', () => {
  const hintOf = (output: string) => hintFor(output, { isLogin: true })

  it.each([
    ['403, by Buildah 1.28', `Error: ${ping}invalid status code from registry 403 (Forbidden)`],
    ['404, by Buildah 1.28', `Error: ${ping}invalid status code from registry 404 (Not Found)`],
    ['405, by Buildah 1.28', `Error: ${ping}invalid status code from registry 405 (Method Not Allowed)`],
    [
      'a page, by Buildah 1.33',
      `Error: ${ping}StatusCode: 403, "<html>\\r\\n<head><title>403 Forbidden</title></head>..."`,
    ],
    ['404, by Buildah 1.33', `Error: ${ping}StatusCode: 404, "404 page not found"`],
    ['a denial of a proxy', `Error: ${ping}denied: requested access to the resource is denied`],
    [
      'a page, by Docker',
      'Error: Error response from daemon: login attempt to http://127.0.0.1:1/v2/ failed with status: 404 Not Found',
    ],
  ])('speaks of the address and of proxies, and of no repository: %s', (_, output) => {
    expect(hintOf(output)).toMatch(/"registry".*HTTPS_PROXY/)
    expect(hintOf(output)).not.toMatch(/repository/)
  })

  it('says the same of a push, where what is there is no registry', () => {
    const page = `${reuse}pinging container registry 127.0.0.1:5124: StatusCode: 404, "<html>no</html>"`
    expect(hintFor(page)).toMatch(/"registry".*HTTPS_PROXY/)
    expect(
      hintFor(`${reuse}pinging container registry 127.0.0.1:5124: invalid status code from registry 403 (Forbidden)`),
    ).toBe(hintFor(page))
  })

  it.each([
    ['the password', 'Error: logging into "127.0.0.1:38967": invalid username/password', /two-factor/],
    [
      'the password, where tokens are given out',
      `Error: authenticating creds for "h": Requesting bearer token: invalid status code from registry 403 (Forbidden)`,
      /two-factor/,
    ],
    ['a busy registry', `Error: ${ping}toomanyrequests: slow down`, /limits/],
    [
      'nobody there, at a port that could be a status',
      'Error: authenticating creds for "127.0.0.1:404": pinging container registry 127.0.0.1:404: Get "http://127.0.0.1:404/v2/": dial tcp 127.0.0.1:404: connect: connection refused',
      /can't be reached/,
    ],
    ['a certificate', `Error: ${ping}Get "https://h/v2/": x509: certificate signed by unknown authority`, /certs\.d/],
  ])('leaves to others what is another matter: %s', (_, output, hint) => {
    expect(hintOf(output)).toMatch(hint)
  })
})

describe('hintFor what a registry has no room for', () => {
  it.each([
    [
      'Harbor',
      'denied: adding 105.5 MiB of storage resource, which when updated to current usage of 1014.7 MiB will exceed the configured upper limit of 1.0 GiB.',
    ],
    ['Quay', 'denied: Quota has been exceeded on namespace'],
    ['IBM', 'denied: You have exceeded your storage quota. Delete one or more images, or review your storage quota.'],
    ['DigitalOcean', 'denied: registry contains 1 repositories, limit is 1'],
    ['a status', 'StatusCode: 507, "Insufficient Storage"'],
  ])('%s: a quota', (_, said) => {
    expect(hintFor(`${pushing}writing blob: initiating layer upload: ${said}`)).toMatch(/quota is used up/)
  })

  it.each([
    ['Buildah 1.28', 'writing blob: uploading layer chunked: 413 (Request Entity Too Large)'],
    [
      'Buildah 1.33',
      'writing blob: uploading layer chunked: StatusCode: 413, "<html>\\r\\n<head><title>413 Request Entity Too..."',
    ],
    ['Docker', 'received unexpected HTTP status: 413 Payload Too Large'],
  ])('%s: a layer', (_, said) => {
    expect(hintFor(`${pushing}${said}`)).toMatch(/client_max_body_size/)
  })
})

describe('hintFor a registry that nobody has logged in to', () => {
  const unauthorized = `${pushing}writing blob: initiating layer upload: unauthorized: authentication required`
  const hasLogin = (registry: string) => registry === 'ghcr.io'

  it('says that there is no login', () => {
    expect(hintFor(unauthorized, { registry: 'quay.io', hasLogin })).toMatch(
      /^There is no login for quay\.io.*`registry: quay\.io`/,
    )
    const denied = 'Error: pushing image: denied: requested access to the resource is denied'
    expect(hintFor(denied, { registry: 'docker.io', hasLogin })).toMatch(/^There is no login for docker\.io/)
  })

  it('takes the registry of a base image from the error', () => {
    const output =
      'Error: initializing source docker://quay.io/acme/base:1: reading manifest 1 in quay.io/acme/base: unauthorized: access to the requested resource is not authorized'
    expect(hintFor(output, { hasLogin })).toMatch(/^There is no login for quay\.io/)
    expect(hintFor(output.replaceAll('quay.io', 'ghcr.io'), { hasLogin })).toMatch(/two-factor/)
  })

  it('says nothing of logins where there is one, or that isn’t known', () => {
    expect(hintFor(unauthorized, { registry: 'ghcr.io', hasLogin })).toMatch(/two-factor/)
    expect(hintFor(unauthorized, { registry: 'quay.io' })).toMatch(/two-factor/)
  })
})

describe('hintFor a step', () => {
  const failing = (text: string, step = 'RUN x') =>
    `STEP 2/2: ${step}\n${text}\nError: building at STEP "${step}": while running runtime: exit status 1`

  it.each([
    ['chroot', 'error starting process: fork/exec /bin/sh: no such file or directory'],
    ['runc', 'exec: "/bin/sh": stat /bin/sh: no such file or directory'],
    ['crun', 'executable file `/bin/sh` not found: No such file or directory'],
    ['crun with quotes', "executable file '/bin/sh' not found: No such file or directory"],
  ])('without a shell, by %s', (_, text) => {
    expect(hintFor(failing(text))).toMatch(/no \/bin\/sh.*RUN \["program"/)
  })

  it.each([
    ['chroot', 'error starting process: fork/exec /app: no such file or directory'],
    ['runc', 'exec: "/app": stat /app: no such file or directory'],
  ])('without a program, or its loader, by %s', (_, text) => {
    expect(hintFor(failing(text, 'RUN ["/app"]'))).toMatch(/no "\/app", or what starts it.*loader/)
  })

  it('of more layers than there may be', () => {
    expect(hintFor('Error: building at STEP "COPY a /": max depth exceeded')).toMatch(/layers.*COPY --from/)
  })

  it('of a file whose name isn’t UTF-8', () => {
    const error = (name: string) =>
      `Error: building at STEP "COPY . /": copying "/ctx": copier: get: lstat "/ctx/${name}": lstat /ctx/${name}: no such file or directory`
    expect(hintFor(error('caf\uFFFD.txt'))).toMatch(/isn't UTF-8/)
    expect(hintFor(error('caf\\xe9.txt'))).toMatch(/isn't UTF-8/)
    expect(hintFor(error('café.txt')) ?? '').not.toMatch(/UTF-8/)
  })

  const { stages } = parseDockerfile('FROM a AS Build\nRUN x\nFROM b AS app\nCOPY --from=build /o /o\n')

  it('of a stage in another case', () => {
    const missing = (name: string) =>
      `Error: building at STEP "COPY --from=${name} /o /o": COPY --from=${name}: no stage or image found with that name`
    expect(hintFor(missing('build'), { dockerfile: { stages } })).toMatch(/stage "Build".*isn't "build"/)
    expect(hintFor(missing('bulid'), { dockerfile: { stages } })).toMatch(/stages "Build", "app".*no image "bulid"/)
    expect(hintFor(missing('x'))).toMatch(/no named stage.*no image "x"/)
  })

  it('of a stage that a variable names', () => {
    const dockerfile = parseDockerfile('FROM a AS one\nFROM b\nARG S=one\nCOPY --from=$S /o /o\n')
    const output = 'Error: COPY --from=one: no stage or image found with that name'
    expect(hintFor(output, { dockerfile })).toMatch(
      /^A variable in `--from` isn't taken for stage "one" here.*FROM \$NAME AS/,
    )
  })

  it('of a pattern names it, and where it stands', () => {
    const ofCopy = (step: string) =>
      `Error: building at STEP "${step}": checking on sources under "/ctx": syntax error in pattern`
    expect(hintFor(ofCopy('COPY --chown=1:1 a [b-.txt /x/'))).toMatch(/^"\[b-\.txt" isn't a pattern/)
    expect(hintFor(ofCopy('COPY ["a b", "c[", "/x/"]'))).toMatch(/^"c\[" isn't a pattern/)
    const ignoreFile = { path: '/ctx/.dockerignore', text: '# [\n*.log\n!a[b\n' }
    const ofIgnore =
      'Error: building at STEP "COPY . /x/": processing excludes list [*.log !a[b]: syntax error in pattern'
    expect(hintFor(ofIgnore, { ignoreFile })).toMatch(/^Line 3 of \/ctx\/\.dockerignore, "!a\[b", isn't a pattern/)
    expect(hintFor('Error: syntax error in pattern')).toBeUndefined()
  })
})

describe('a line that begins with no instruction', () => {
  it.each([
    ['RUNN', 'Did you mean RUN?'],
    ['COYP', 'Did you mean COPY?'],
    ['&&', 'needs a `\\` at its end'],
    ['curl', 'needs a `\\` at its end'],
    ['cd', 'needs a `\\` at its end'],
  ])('%s', (name, expected) => {
    // Buildah 1.28.2 and BuildKit.
    const buildah = hintFor(
      `STEP 3/3: ${name} x\nError: building at STEP "${name} ": Build error: Unknown instruction: "${name.toUpperCase()}" &imagebuilder.Step{}`,
    )
    const buildkit = hintFor(`ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: ${name}`)
    for (const hint of [buildah, buildkit]) {
      expect(hint).toContain(expected)
    }
  })
})

describe('isBadPattern', () => {
  it.each(['[', 'a[', '[]', '[^]', '[]a]', '[-a]', '[a-]', 'a/[b', 'x\\', '[\\', '[a\\', '[^-a]'])(
    '%j is bad',
    (pattern) => {
      expect(isBadPattern(pattern)).toBe(true)
    },
  )

  it.each(['', '*', 'a', '[a]', '[a-z]', '[^a]', '[\\]]', '\\[', 'a]', '[a][b-c]x', '[^a-z0-9]', '**/?', '!'])(
    '%j is none',
    (pattern) => {
      expect(isBadPattern(pattern)).toBe(false)
    },
  )
})

describe('refusesOci', () => {
  it.each([
    [`${manifest}manifest invalid: manifest invalid`, true],
    [`${manifest}manifest invalid`, true],
    [`${manifest}StatusCode: 415, "unsupported media type"`, true],
    [`${manifest}unsupported: Invalid JSON syntax`, true],
    [`${manifest}tag invalid: manifest tag did not match URI`, true],
    // What is there, and may not be changed.
    [
      `${manifest}tag invalid: The image tag '1' already exists in the 'web' repository and cannot be overwritten because the tag is immutable.`,
      false,
    ],
    [`${manifest}denied: manifest invalid, since the tag is immutable`, false],
    [`${manifest}unauthorized: authentication required`, false],
    [`${manifest}blob unknown to registry`, false],
    [`${pushing}writing blob: unsupported`, false],
    [`time="x" level=warning msg="writing manifest: manifest invalid"\n${pushing}connection refused`, false],
  ])('%j: %s', (output, expected) => {
    expect(refusesOci(output)).toBe(expected)
  })
})
