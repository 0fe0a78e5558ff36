export const id = 131;
export const ids = [131];
export const modules = {

/***/ 7131:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  openRegistries: () => (/* binding */ openRegistries)
});

// EXTERNAL MODULE: ./build/errors.js
var errors = __webpack_require__(9473);
// EXTERNAL MODULE: ./build/clock.js
var build_clock = __webpack_require__(7094);
// EXTERNAL MODULE: ./build/image/quote.js
var quote = __webpack_require__(2106);
// EXTERNAL MODULE: ./build/image/reference.js
var image_reference = __webpack_require__(7755);
// EXTERNAL MODULE: ./build/persist.js + 2 modules
var persist = __webpack_require__(7965);
;// CONCATENATED MODULE: ./build/registry/challenge.js
const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
const SEPARATORS = /[\s,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
/** What Negotiate and the like have instead of parameters. */
const TOKEN68 = /[ \t]+[\w.~+/-]+=*(?=[ \t]*(?:,|$))/y;
/**
 * Reads `WWW-Authenticate` (RFC 9110, 11.6.1): several challenges can be in one header, behind the same commas that part
 * the parameters of one. What breaks the grammar ends the header there. Pure.
 * @param headers all headers of that name
 */
function parseChallenges(headers) {
    return headers.flatMap((header) => parseHeader(header));
}
/** Bearer rather than Basic, which is less than a password; undefined where neither is asked for. Pure. */
function chooseDemand(headers) {
    const challenges = parseChallenges(headers);
    for (const { scheme, parameters } of challenges) {
        const realm = parameters.get('realm');
        if (scheme === 'bearer' && realm !== undefined)
            return { kind: 'bearer', realm, service: parameters.get('service') };
    }
    return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
}
function parseHeader(header) {
    const found = [];
    let place = 0;
    const take = (pattern) => {
        pattern.lastIndex = place;
        const match = pattern.exec(header);
        if (match === null)
            return undefined;
        place = pattern.lastIndex;
        return match;
    };
    for (;;) {
        take(SEPARATORS);
        const name = take(TOKEN)?.[0].toLowerCase();
        if (name === undefined)
            return found;
        // A name with a value belongs to the challenge before it; one without begins the next.
        if (take(EQUALS) === undefined) {
            found.push({ scheme: name, parameters: new Map() });
            take(TOKEN68);
            continue;
        }
        const value = take(QUOTED)?.[1]?.replaceAll(/\\([^])/g, '$1') ?? take(TOKEN)?.[0];
        const last = found.at(-1);
        if (value === undefined || last === undefined)
            return found;
        // The first of a name counts: a second one may not take its place.
        if (!last.parameters.has(name))
            last.parameters.set(name, value);
    }
}

// EXTERNAL MODULE: ./build/credentials.js
var credentials = __webpack_require__(9522);
// EXTERNAL MODULE: ./build/exec.js
var exec = __webpack_require__(4771);
// EXTERNAL MODULE: ./build/json.js
var json = __webpack_require__(9368);
// EXTERNAL MODULE: ./build/secret.js
var build_secret = __webpack_require__(5714);
;// CONCATENATED MODULE: ./build/registry/logins.js






const HELPER = /^[A-Za-z0-9][\w.-]*$/;
/** The key under which Docker keeps the login of Docker Hub with a helper. */
const HUB_KEY = 'https://index.docker.io/v1/';
/**
 * The login for one repository: the step's own, else of a credential helper, else of the auth file, there the one for the
 * most specific name (`host/namespace/repo`, `host/namespace`, `host`). A login for another host or port is never taken.
 * @throws RegistryError when a helper fails
 */
async function findLogin(registry, repository, { logins, login, env }) {
    if (login?.registry === registry)
        return { kind: 'password', username: login.username, password: login.password };
    const helper = Object.entries(logins.credHelpers).find(([key]) => (0,credentials/* hostOf */.w4)(key) === registry)?.[1];
    const helped = helper === undefined ? undefined : await askHelper(helper, registry, env);
    if (helped !== undefined)
        return helped;
    for (const name of namesOf(registry, repository)) {
        const entry = entryFor(name, logins.auths);
        const found = entry === undefined ? undefined : readEntry(entry);
        if (found !== undefined)
            return found;
    }
    return undefined;
}
/** The header by which a password is sent. */
function basicHeader({ username, password }) {
    return new build_secret/* Secret */.z(`Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`);
}
/** All texts of a login that nobody may read. */
function secretsOf(login) {
    if (login === undefined)
        return [];
    if (login.kind === 'identity')
        return [login.token.reveal()];
    return [basicHeader(login).reveal().slice('Basic '.length), login.password.reveal()];
}
/** The most specific first: `host/a/b`, `host/a`, `host`. */
function namesOf(registry, repository) {
    const parts = [registry, ...repository.split('/')];
    return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}
function entryFor(name, auths) {
    if (Object.hasOwn(auths, name))
        return auths[name];
    return Object.entries(auths).find(([key]) => (0,credentials/* hostOf */.w4)(key) === name)?.[1];
}
/** Reads one entry of `auths`; one that says nothing of use is no login. */
function readEntry(entry) {
    if (!(0,json/* isObject */.Gv)(entry))
        return undefined;
    const { auth, identitytoken } = entry;
    const decoded = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '') : '';
    // A password may have colons, a user not.
    const colon = decoded.indexOf(':');
    const [username, password] = colon < 0 ? [entry['username'], entry['password']] : [decoded.slice(0, colon), decoded.slice(colon + 1)];
    const user = typeof username === 'string' ? username : '';
    if (typeof identitytoken === 'string' && identitytoken !== '')
        return { kind: 'identity', username: user, token: new build_secret/* Secret */.z(identitytoken) };
    if (user === '' || typeof password !== 'string' || password === '')
        return undefined;
    return { kind: 'password', username: user, password: new build_secret/* Secret */.z(password) };
}
async function askHelper(helper, registry, env) {
    if (!HELPER.test(helper))
        throw helperError(`The auth file names ${(0,quote/* quote */.h)(helper)} for ${registry}`, 'That is no name of a credential helper');
    const program = `docker-credential-${helper}`;
    const path = await (0,exec/* findProgram */.Kp)(program, env);
    const keys = registry === 'docker.io' ? [registry, HUB_KEY] : [registry];
    for (const key of keys) {
        const { exitCode, stdout, stderr } = await runHelper(path, program, key, env);
        if (exitCode === 0)
            return readHelper(stdout, program, registry);
        // It says so on one of both, and what else it says may be secret.
        if (!/credentials not found/i.test(`${stdout}${stderr}`))
            throw helperError(`The credential helper ${program} failed for ${registry}`, `It ended with exit code ${exitCode}`);
    }
    return undefined;
}
async function runHelper(path, program, key, env) {
    if (path === undefined)
        throw helperError(`The auth file names the credential helper ${program}`, 'No such program is on the PATH');
    return await (0,exec/* attempt */.CD)([path, 'get'], { env, input: key });
}
function readHelper(stdout, program, registry) {
    const { Username: username, Secret: secret } = (0,json/* parseObject */.lj)(stdout);
    if (typeof username !== 'string' || typeof secret !== 'string')
        throw helperError(`The credential helper ${program} gave no login for ${registry}`, 'Its answer has no Username and Secret');
    if (secret === '')
        return undefined;
    return username === '<token>'
        ? { kind: 'identity', username: '', token: new build_secret/* Secret */.z(secret) }
        : { kind: 'password', username, password: new build_secret/* Secret */.z(secret) };
}
function helperError(what, why) {
    const cure = 'Log in anew (`buildah login`, `docker login`), or take the helper out of the auth file.';
    return new errors/* RegistryError */.gl(`${what}. ${why}.`, cure, false);
}

;// CONCATENATED MODULE: ./build/registry/once.js
/** What is asked for the first time is found, and kept unless that failed. */
function once(known, key, find) {
    const kept = known.get(key);
    if (kept !== undefined)
        return kept;
    const promise = find();
    known.set(key, promise);
    promise.catch(() => known.delete(key));
    return promise;
}

// EXTERNAL MODULE: ./node_modules/@actions/http-client/lib/index.js + 2 modules
var lib = __webpack_require__(9075);
// EXTERNAL MODULE: external "node:http"
var external_node_http_ = __webpack_require__(7067);
// EXTERNAL MODULE: external "node:https"
var external_node_https_ = __webpack_require__(4708);
// EXTERNAL MODULE: external "node:fs/promises"
var promises_ = __webpack_require__(1455);
// EXTERNAL MODULE: external "node:path"
var external_node_path_ = __webpack_require__(6760);
// EXTERNAL MODULE: external "node:tls"
var external_node_tls_ = __webpack_require__(1692);
;// CONCATENATED MODULE: ./build/registry/authorities.js



/** Where distributions keep the certificates that a machine trusts, in the order in which Go's programs look. */
const BUNDLES = [
    '/etc/ssl/certs/ca-certificates.crt',
    '/etc/pki/tls/certs/ca-bundle.crt',
    '/etc/ssl/ca-bundle.pem',
    '/etc/pki/tls/cacert.pem',
    '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
    '/etc/ssl/cert.pem',
];
const FOLDERS = ['/etc/containers/certs.d', '/etc/docker/certs.d'];
/**
 * The certificates by which this machine knows a registry, PEM: Node trusts its own list alone, Buildah what the machine
 * trusts and what its administrator put there for one registry. Both together, so that what Buildah can push to can be
 * asked, too.
 * @param host of the registry, with its port where it has one
 */
async function authoritiesFor(host, env) {
    const named = env['SSL_CERT_FILE'];
    const bundles = named === undefined || named === '' ? BUNDLES : [named];
    const further = env['NODE_EXTRA_CA_CERTS'];
    const own = await Promise.all([...FOLDERS, ...homeFolders(env)].map((folder) => certificatesIn((0,external_node_path_.join)(folder, host))));
    return [
        ...external_node_tls_.rootCertificates,
        ...(await firstText(bundles)),
        ...(further === undefined || further === '' ? [] : await firstText([further])),
        ...own.flat(),
    ];
}
function homeFolders({ HOME: home }) {
    return home === undefined || home === '' ? [] : [(0,external_node_path_.join)(home, '.config/containers/certs.d')];
}
async function certificatesIn(folder) {
    const names = await (0,promises_.readdir)(folder).catch(() => []);
    const texts = names.filter((name) => name.endsWith('.crt')).map((name) => firstText([(0,external_node_path_.join)(folder, name)]));
    return (await Promise.all(texts)).flat();
}
async function firstText(paths) {
    for (const path of paths) {
        const text = await (0,promises_.readFile)(path, 'utf8').catch(() => '');
        if (text !== '')
            return [text];
    }
    return [];
}

;// CONCATENATED MODULE: ./build/registry/connection.js





/** An exchange without a whole answer. */
class ConnectionError extends Error {
    passing;
    name = 'ConnectionError';
    constructor(message, 
    /** The network was at fault, and may not be the next time. */
    passing, options) {
        super(message, options);
        this.passing = passing;
    }
}
const QUIET_MS = 10_000;
/** The longest for one exchange: a registry that writes looks at every layer first. */
const TOTAL_MS = 60_000;
const REDIRECTS = 5;
const PASSING = [
    ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN', 'ENETUNREACH'],
    ...['EHOSTUNREACH', 'ENETDOWN', 'ERR_STREAM_PREMATURE_CLOSE'],
];
function openConnection({ insecure, env, quietMs = QUIET_MS }) {
    const agents = new Map();
    const origins = new Map();
    const isLoose = (url) => insecure.some((host) => host === url.host || host === `${url.hostname}:${portOf(url)}`);
    const isPrivate = (url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoose(url));
    const wayTo = (url) => once(agents, url.origin, async () => openWay(url, isLoose(url), await authoritiesFor(url.host, env)));
    const exchange = async (question) => {
        let [asked, left] = [question, REDIRECTS];
        for (;;) {
            if (!isPrivate(asked.url))
                throw new ConnectionError(`${asked.url.origin} isn't https`, false);
            const answer = await send(asked, (await wayTo(asked.url)).agent, quietMs);
            const next = redirection(asked, answer);
            if (next === undefined)
                return answer;
            if (--left < 0)
                throw new ConnectionError(`${question.url.host} leads from one place to another without end`, false);
            asked = next;
        }
    };
    return {
        exchange,
        isPrivate,
        originOf: (registry) => once(origins, registry, async () => {
            const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
            const secure = `https://${host}`;
            return isLoose(new URL(secure)) ? await findOrigin(secure, `http://${host}`, exchange) : secure;
        }),
        close() {
            for (const way of agents.values())
                void way.then(({ client }) => {
                    client.dispose();
                }, () => undefined);
        },
    };
}
/** HTTPS, whatever its certificate, and plain HTTP where nothing speaks that: for hosts that may do without. */
async function findOrigin(secure, plain, exchange) {
    const isThere = async (origin) => {
        await exchange({ method: 'GET', url: new URL('/v2/', origin), limit: 64 * 1024 });
        return origin;
    };
    return await isThere(secure).catch(async (error) => {
        return await isThere(plain).catch((second) => {
            // The second says more where the network was at fault: nothing answers there at all.
            throw second instanceof ConnectionError && second.passing ? second : error;
        });
    });
}
/** Connections to one origin, kept alive, by a proxy where the environment names one. */
function openWay(url, isLoose, authorities) {
    const client = new lib/* HttpClient */.Qq(undefined, [], { keepAlive: true });
    const agent = client.getAgent(url.origin);
    // The client's own switch does the same; it has none for authorities.
    const { options } = agent;
    Object.assign(options, isLoose ? { rejectUnauthorized: false } : { ca: authorities });
    return { client, agent };
}
/** Where an answer leads a question that only reads; undefined where it doesn't. A login goes to the same origin alone. */
function redirection(question, { status, headers }) {
    const { location } = headers;
    const isReading = question.method === 'GET' || question.method === 'HEAD';
    if (!isReading || ![301, 302, 303, 307, 308].includes(status) || location === undefined)
        return undefined;
    if (!URL.canParse(location, question.url.href))
        return undefined;
    const url = new URL(location, question.url);
    const { authorization, ...others } = question.headers ?? {};
    const keeps = authorization !== undefined && url.origin === question.url.origin;
    return { ...question, url, headers: keeps ? { ...others, authorization } : others };
}
async function send(question, agent, quietMs) {
    const { method, url } = question;
    const clock = new AbortController();
    let tooLate;
    const late = (what) => () => {
        tooLate = new ConnectionError(`${url.host} ${what}`, true);
        clock.abort();
    };
    const total = setTimeout(late(`has no whole answer after ${TOTAL_MS / 1000} s`), TOTAL_MS);
    const quiet = setTimeout(late(`is silent for ${quietMs / 1000} s`), method === 'GET' || method === 'HEAD' ? quietMs : TOTAL_MS);
    try {
        const response = await start(question, agent, clock.signal);
        return {
            status: response.statusCode ?? 0,
            headers: response.headers,
            challenges: response.headersDistinct['www-authenticate'] ?? [],
            body: await readBody(response, question, () => quiet.refresh()),
            url,
        };
    }
    catch (error) {
        throw tooLate ?? connectionError(url, error);
    }
    finally {
        clearTimeout(total);
        clearTimeout(quiet);
    }
}
async function start(question, agent, signal) {
    const { method, url, headers, body } = question;
    const length = body !== undefined || method === 'POST' ? { 'content-length': String(body?.length ?? 0) } : {};
    return await new Promise((resolve, reject) => {
        const all = { 'user-agent': 'rootless-image-build', ...headers, ...length };
        const options = { method, agent, signal, headers: all };
        const request = url.protocol === 'https:' ? (0,external_node_https_.request)(url, options, resolve) : (0,external_node_http_.request)(url, options, resolve);
        request.on('error', reject);
        request.end(body);
    });
}
async function readBody(response, { url, limit }, onPiece) {
    const pieces = [];
    let size = 0;
    onPiece();
    // Ends with an error where the connection ends before the answer does.
    for await (const piece of response) {
        onPiece();
        pieces.push(piece);
        size += piece.length;
        if (size > limit)
            throw new ConnectionError(`${url.host} answers with more than ${limit} bytes`, false);
    }
    return Buffer.concat(pieces);
}
function connectionError(url, error) {
    if (error instanceof ConnectionError)
        return error;
    const { code, message } = error;
    // Where several addresses of a host were tried, the message is empty.
    const what = message === '' ? (code ?? 'unknown trouble') : message;
    return new ConnectionError(`${url.host}: ${what}`, PASSING.includes(code ?? ''), { cause: error });
}
function portOf({ protocol, port }) {
    return port === '' ? (protocol === 'https:' ? '443' : '80') : port;
}

;// CONCATENATED MODULE: ./build/registry/refusals.js




const CERTIFICATE = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA)/;
/** What registries say that lack what was just put into them. */
const LOST = new Set([
    'MANIFEST_BLOB_UNKNOWN',
    'MANIFEST_UNKNOWN',
    'BLOB_UNKNOWN',
    'BLOB_UPLOAD_UNKNOWN',
    'BLOB_UPLOAD_INVALID',
]);
/** What an answer of a registry that isn't the one hoped for means, and what to do about it. */
function refusal(answer, { registry, repository, verb, who }) {
    const { status } = answer;
    const said = statusText(answer);
    const whom = who === undefined ? 'anybody without a login' : (0,quote/* quote */.h)(who);
    if (status === 401 || status === 403)
        return new errors/* RegistryError */.gl(`${registry} doesn't let ${whom} ${verb} ${repository} (${said}).`, cureFor(status, registry, who), false);
    if (verb === 'write to' && errorsOf(answer).some(({ code }) => LOST.has(String(code))))
        return new errors/* RegistryError */.gl(`${registry} doesn't find all of what is put into ${repository} (${said}).`, errors/* LOST_CONTENT */.Df.cure, true, { retries: errors/* LOST_CONTENT */.Df.retries });
    if (status === 404)
        return new errors/* RegistryError */.gl(`${registry} has no repository ${repository}, or doesn't show it to ${whom} (${said}).`, 'Check that the repository exists; some registries want it made before the first push.', false);
    return trouble(answer, registry) ?? unexpected(answer, registry);
}
/** Answers that may be others the next time: too many questions, and a registry that is ill; undefined for others. */
function trouble(answer, registry) {
    const { status } = answer;
    if (status !== 429 && status !== 408 && status < 500)
        return undefined;
    const what = status === 429 ? 'limits how much may be asked of it' : 'is in trouble';
    const cure = status === 429
        ? 'Log in (`username`, `password`), or use a mirror.'
        : 'Try again later, or look at its status page.';
    const waitMs = retryAfter(answer);
    return new errors/* RegistryError */.gl(`${registry} ${what} (${statusText(answer)}).`, cure, true, { waitMs });
}
/** An answer that isn't one of those that the protocol knows. */
function unexpected(answer, registry) {
    return new errors/* RegistryError */.gl(`${registry} gave an answer that a registry doesn't give (${statusText(answer)}).`, 'Check that it is the address of a registry, and that no proxy answers in its place.', false);
}
/** A server that couldn't be spoken to. What else was thrown stays as it is. */
function outOfReach(error, host) {
    if (!(error instanceof ConnectionError))
        return error;
    const { code } = (error.cause ?? {});
    return new errors/* RegistryError */.gl(`${host} can't be asked: ${(0,quote/* quote */.h)(error.message)}.`, cureForConnection(code), error.passing);
}
/** `404 NAME_UNKNOWN: "…"`: the status and the first that the registry says, in which nothing can act. */
function statusText({ status, body }) {
    const text = body.toString('utf8');
    const { error, error_description: description, details, message } = (0,json/* parseObject */.lj)(text);
    const [first] = errorsOf({ body });
    const [code, says] = first ? [first['code'], first['message']] : [error, description ?? details ?? message];
    const name = typeof code === 'string' && /^[A-Za-z_ ]{1,40}$/.test(code) ? ` ${code}` : '';
    if (typeof says === 'string' && says !== '')
        return `${status}${name}: ${(0,quote/* quote */.h)(says)}`;
    // Pages for people tell nothing in a line.
    return name !== '' || text.trim() === '' || text.includes('<')
        ? `${status}${name}`
        : `${status}: ${(0,quote/* quote */.h)(text.trim())}`;
}
/** The errors of the protocol that an answer holds. */
function errorsOf({ body }) {
    const { errors } = (0,json/* parseObject */.lj)(body.toString('utf8'));
    return Array.isArray(errors) ? errors.filter(json/* isObject */.Gv) : [];
}
/** Milliseconds that an answer asks to wait, by seconds or by a date. */
function retryAfter({ headers }) {
    const text = headers['retry-after'];
    if (text === undefined)
        return undefined;
    const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
    return milliseconds > 0 ? milliseconds : undefined;
}
function cureFor(status, registry, who) {
    if (who === undefined)
        return `Log in to ${registry}: by \`username\` and \`password\` (and \`registry: ${registry}\`), or in a step before.`;
    return status === 401
        ? 'Check "username", "password" and "registry", and that the token may be used for this repository; with two-factor login, the password is an access token.'
        : 'The registry knows the user and refuses: check that the repository exists and that the token may write to it.';
}
function cureForConnection(code = '') {
    if (CERTIFICATE.test(code))
        return 'The certificate of the registry is not one that this machine knows. Add its authority to /etc/containers/certs.d/HOST/ca.crt, or write `tls-verify: false` for the registry that is pushed to.';
    if (code === 'EPROTO')
        return 'If the registry speaks plain HTTP, and that is meant so, write `tls-verify: false`.';
    return 'Check its name and port, that it runs, and that this machine can reach it.';
}

;// CONCATENATED MODULE: ./build/registry/tokens.js






const LIMIT = 1024 * 1024;
const DEFAULT_LIFE_S = 60;
const CLIENT = 'rootless-image-build';
/**
 * Gets a token from where the registry says: by GET as distribution, Docker Hub, GHCR, GCR and Quay have it, with the
 * password or as nobody; by POST (OAuth 2) for an identity token.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @throws RegistryError
 */
async function fetchToken(connection, request, clock) {
    const realm = checkRealm(connection, request);
    const asked = clock.now();
    const question = request.login?.kind === 'identity' ? exchangeOf(realm, request, request.login) : queryOf(realm, request);
    const answer = await connection.exchange({ ...question, limit: LIMIT }).catch((error) => {
        throw outOfReach(error, `${realm.host}, where ${request.registry} gives out tokens,`);
    });
    if (answer.status !== 200)
        throw noToken(withoutSecrets(answer, secretsOf(request.login)), realm, request);
    const { token, access_token: access, expires_in: life } = (0,json/* parseObject */.lj)(answer.body.toString('utf8'));
    const given = [token, access].find((one) => typeof one === 'string' && one !== '');
    // It becomes part of a header.
    if (given === undefined || !/^[\x21-\x7e]+$/.test(given))
        throw new errors/* RegistryError */.gl(`${realm.host}, where ${request.registry} gives out tokens, answered without a token.`, 'Check that it is the address of a registry, and that no proxy answers in its place.', false);
    const seconds = typeof life === 'number' && life > 0 ? life : DEFAULT_LIFE_S;
    return { header: new build_secret/* Secret */.z(`Bearer ${given}`), until: asked + seconds * 1000 };
}
/** An answer in which these texts can't be read, should the server have repeated them. */
function withoutSecrets(answer, secrets) {
    const body = secrets
        .filter((secret) => secret !== '')
        .reduce((text, secret) => text.replaceAll(secret, '***'), answer.body.toString('utf8'));
    return { ...answer, body: Buffer.from(body) };
}
function checkRealm(connection, { registry, demand }) {
    const refuse = (what) => new errors/* RegistryError */.gl(`${registry} has its tokens given out at ${(0,quote/* quote */.h)(demand.realm)}, which ${what}: no login goes there.`, 'Those who run the registry can change that. Where it is meant so, on a network of your own, name that host in `tls-verify: false`.', false);
    if (!URL.canParse(demand.realm))
        throw refuse("isn't an address");
    const realm = new URL(demand.realm);
    if (realm.username !== '' || realm.password !== '')
        throw refuse('has a user in it');
    if (!connection.isPrivate(realm))
        throw refuse("isn't https");
    return realm;
}
function queryOf(realm, { scopes, demand, login }) {
    const url = new URL(realm);
    if (demand.service !== undefined)
        url.searchParams.set('service', demand.service);
    for (const scope of scopes)
        url.searchParams.append('scope', scope);
    if (login?.kind !== 'password')
        return { method: 'GET', url };
    url.searchParams.set('account', login.username);
    return { method: 'GET', url, headers: { authorization: basicHeader(login).reveal() } };
}
function exchangeOf(url, { scopes, demand }, login) {
    const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: CLIENT,
        refresh_token: login.token.reveal(),
        scope: scopes.join(' '),
        ...(demand.service !== undefined && { service: demand.service }),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url, headers, body: Buffer.from(form.toString()) };
}
function noToken(answer, realm, { registry, repository, login }) {
    const passing = trouble(answer, realm.host);
    if (passing !== undefined)
        return passing;
    const whom = login === undefined ? 'nobody without a login gets one' : `${(0,quote/* quote */.h)(login.username)} gets none`;
    return new errors/* RegistryError */.gl(`${realm.host} gives out the tokens of ${registry}, and for ${repository} ${whom} (${statusText(answer)}).`, login === undefined
        ? `Log in to ${registry}: by \`username\` and \`password\` (and \`registry: ${registry}\`), or in a step before.`
        : 'Check "username", "password" and "registry"; with two-factor login, the password is an access token.', false);
}

;// CONCATENATED MODULE: ./build/registry/authorization.js




/** A token that ends sooner than this isn't used any more: the question takes time. */
const SLACK_MS = 500;
function openAuthorization(connection, find, clock) {
    const logins = new Map();
    const demands = new Map();
    const tokens = new Map();
    const loginOf = ({ registry, repository }) => once(logins, `${registry}/${repository}`, () => find(registry, repository));
    const headerFor = async (access, demand) => {
        const login = await loginOf(access);
        if (demand.kind === 'basic')
            return login?.kind === 'password' ? basicHeader(login) : undefined;
        const key = JSON.stringify([access.registry, demand, access.scopes]);
        const kept = tokens.get(key);
        const isOver = kept !== undefined && (await kept).until - SLACK_MS < clock.now();
        // Others may have waited for the same, and have a new one by now.
        if (isOver && tokens.get(key) === kept)
            tokens.delete(key);
        return (await once(tokens, key, () => fetchToken(connection, { ...access, demand, login }, clock))).header;
    };
    const forget = async (header) => {
        for (const [key, token] of tokens)
            if ((await token.catch(() => undefined))?.header === header)
                tokens.delete(key);
    };
    const ask = async (access, send) => {
        const known = demands.get(access.registry);
        const first = known === undefined ? undefined : await headerFor(access, known);
        const answer = await send(first?.reveal());
        // Where it leads elsewhere, that place has no say in who gets the login.
        if (answer.status !== 401 || answer.url.origin !== (await connection.originOf(access.registry)))
            return answer;
        const demand = chooseDemand(answer.challenges);
        // A token that was refused may have been withdrawn, and there is another; a password stays what it is.
        if (first !== undefined)
            await forget(first);
        if (demand === undefined || (demand.kind === 'basic' && known?.kind === 'basic'))
            return answer;
        const second = await headerFor(access, demand);
        demands.set(access.registry, demand);
        return second === undefined ? answer : await send(second.reveal());
    };
    return {
        ask: async (access, send) => {
            const sent = [];
            const answer = await ask(access, (header) => {
                if (header !== undefined)
                    sent.push(header, header.slice(header.indexOf(' ') + 1));
                return send(header);
            });
            return answer.status < 400 ? answer : withoutSecrets(answer, [...sent, ...secretsOf(await loginOf(access))]);
        },
        whoAsks: async (access) => (await loginOf(access))?.username,
    };
}

// EXTERNAL MODULE: external "node:crypto"
var external_node_crypto_ = __webpack_require__(7598);
;// CONCATENATED MODULE: ./build/registry/content.js


/** What an image can be described by: an index of several, or one; by OCI, and by Docker before that. */
const MANIFEST_TYPES = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.docker.distribution.manifest.v2+json',
];
/** The most that the specification has registries take; more isn't read either. */
const MANIFEST_LIMIT = 4 * 1024 * 1024;
const HEX_DIGITS = new Map([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
]);
function isDigest(text) {
    const [, algorithm = '', hex = ''] = /^(sha\d+):([0-9a-f]+)$/.exec(text) ?? [];
    return hex !== '' && hex.length === HEX_DIGITS.get(algorithm);
}
/** The digest of bytes by the algorithm of another digest, by SHA-256 where there is none. */
function digestLike(bytes, other = 'sha256:') {
    const algorithm = other.slice(0, other.indexOf(':'));
    return `${algorithm}:${(0,external_node_crypto_.createHash)(algorithm).update(bytes).digest('hex')}`;
}
/**
 * Which kind of manifest this is, as the header says or, where that is silent or says something general, the manifest
 * itself; undefined where it is none.
 */
function manifestType(header, bytes) {
    const named = header?.split(';')[0]?.trim().toLowerCase();
    const own = bytes === undefined ? undefined : (0,json/* parseObject */.lj)(bytes.toString('utf8'))['mediaType'];
    return [named, own].find((type) => typeof type === 'string' && MANIFEST_TYPES.includes(type));
}

;// CONCATENATED MODULE: ./build/registry/registry.js










function openRegistries(options) {
    const { clock = build_clock/* systemClock */.m } = options;
    const connection = openConnection(options);
    const find = (registry, repository) => findLogin(registry, repository, options);
    const authorization = openAuthorization(connection, find, clock);
    const desk = { connection, authorization };
    return {
        resolve: (reference) => (0,persist/* persist */.Z)(`Look at ${(0,image_reference/* formatReference */.FH)(reference)}`, () => look(desk, reference, reading(reference)), clock),
        fetchManifest: (reference) => (0,persist/* persist */.Z)(`Manifest of ${(0,image_reference/* formatReference */.FH)(reference)}`, () => read(desk, reference, reading(reference)), clock),
        putManifest: (reference, manifest) => (0,persist/* persist */.Z)(`Tag ${(0,image_reference/* formatReference */.FH)(reference)}`, () => put(desk, reference, manifest), clock),
        mountBlob: (into, digest, from) => (0,persist/* persist */.Z)(`Mount of ${digest} into ${(0,image_reference/* formatReference */.FH)(into)}`, () => mount(desk, into, digest, from), clock),
        close: () => {
            connection.close();
        },
    };
}
const scopeOf = ({ repository }, actions) => `repository:${repository}:${actions}`;
const reading = ({ registry, repository }) => ({
    registry,
    repository,
    scopes: [scopeOf({ registry, repository }, 'pull')],
});
const writing = ({ registry, repository }, from) => ({
    registry,
    repository,
    scopes: [scopeOf({ registry, repository }, 'pull,push'), ...(from === undefined ? [] : [scopeOf(from, 'pull')])],
});
/** HEAD, or GET where that doesn't tell all. */
async function look(desk, reference, access) {
    const answer = await ask(desk, access, { method: 'HEAD', ...manifestLine(reference) });
    if (answer.status === 404)
        return undefined;
    // Some have no HEAD.
    if (answer.status !== 200 && answer.status !== 405)
        throw await refused(desk, access, answer, 'read');
    const digest = digestHeader(answer, reference);
    const mediaType = manifestType(answer.headers['content-type']);
    const size = sizeHeader(answer);
    if (answer.status === 200 && digest !== undefined && mediaType !== undefined && size !== undefined)
        return { digest, mediaType, size };
    const manifest = await read(desk, reference, access);
    return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size };
}
/** GET, with the bytes checked against the digest that was asked for, or that the registry names. */
async function read(desk, reference, access) {
    const answer = await ask(desk, access, { method: 'GET', ...manifestLine(reference) });
    const { status, body: bytes } = answer;
    if (status === 404)
        return undefined;
    if (status !== 200)
        throw await refused(desk, access, answer, 'read');
    const wanted = digestHeader(answer, reference) ?? reference.digest;
    const digest = digestLike(bytes, wanted);
    if (wanted !== undefined && digest !== wanted)
        throw new errors/* RegistryError */.gl(`${reference.registry} gave other bytes than those of ${(0,image_reference/* formatReference */.FH)(reference)}: ${digest}, not ${wanted}.`, 'The registry, or a proxy on the way to it, has broken content.', false);
    const mediaType = manifestType(answer.headers['content-type'], bytes);
    if (mediaType === undefined)
        throw unexpected({ ...answer, body: Buffer.alloc(0) }, reference.registry);
    return { digest, mediaType, size: bytes.length, bytes };
}
async function put(desk, reference, { bytes, digest, mediaType }) {
    if (reference.tag === undefined)
        throw new Error('a manifest is put under a tag');
    if (digestLike(bytes, digest) !== digest)
        throw new Error(`the bytes of a manifest are not those of ${digest}`);
    const access = writing(reference);
    const tagged = { registry: reference.registry, repository: reference.repository, tag: reference.tag };
    const { path } = manifestLine(tagged);
    const answer = await ask(desk, access, { method: 'PUT', path, headers: { 'content-type': mediaType }, body: bytes });
    if (answer.status < 200 || answer.status > 299)
        throw await refused(desk, access, answer, 'write to');
    const there = await look(desk, tagged, access);
    if (there?.digest === digest)
        return;
    throw new errors/* RegistryError */.gl(`${(0,image_reference/* formatReference */.FH)(tagged)} was put there with ${digest}, and read back it is ${there?.digest ?? 'not there'}.`, 'Somebody else may push the same tag at the same time: see whether two jobs do.', false);
}
async function mount(desk, into, digest, from) {
    if (into.registry !== from.registry)
        throw new Error('a blob is mounted within one registry');
    if (!isDigest(digest))
        throw new Error(`${JSON.stringify(digest)} is no digest`);
    const access = writing(into, from);
    const blobs = `/v2/${into.repository}/blobs`;
    const there = await ask(desk, access, { method: 'HEAD', path: `${blobs}/${digest}` });
    if (there.status === 200)
        return true;
    if (there.status !== 404)
        throw await refused(desk, access, there, 'read');
    const query = new URLSearchParams({ mount: digest, from: from.repository }).toString();
    const answer = await ask(desk, access, { method: 'POST', path: `${blobs}/uploads/?${query}` });
    if (answer.status === 201)
        return true;
    if (answer.status !== 202)
        throw await refused(desk, access, answer, 'write to');
    await cancel(desk, into, answer);
    return false;
}
/** Ends an upload that a registry began in place of a mount. One that stays is the registry's to clean up. */
async function cancel(desk, into, { headers: { location }, url }) {
    if (location === undefined || !URL.canParse(location, url.href))
        return;
    const { host, pathname, search } = new URL(location, url);
    // Behind a proxy a registry may name itself by another scheme; but no other host gets the login.
    if (host !== url.host)
        return;
    const access = { ...writing(into), scopes: [scopeOf(into, 'pull,push,delete')] };
    await ask(desk, access, { method: 'DELETE', path: `${pathname}${search}` }).catch((error) => {
        if (!(error instanceof errors/* RegistryError */.gl))
            throw error;
    });
}
function manifestLine({ repository, tag, digest }) {
    return {
        path: `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`,
        headers: { accept: MANIFEST_TYPES.join(', ') },
    };
}
/** Asks one registry. @throws RegistryError when it can't be reached, or may answer otherwise the next time */
async function ask({ connection, authorization }, access, line) {
    const { registry } = access;
    const { path, headers, ...question } = line;
    try {
        const url = new URL(`${await connection.originOf(registry)}${path}`);
        const answer = await authorization.ask(access, (authorization) => connection.exchange({
            ...question,
            url,
            limit: MANIFEST_LIMIT,
            headers: { ...headers, ...(authorization !== undefined && { authorization }) },
        }));
        const passing = trouble(answer, registry);
        if (passing !== undefined)
            throw passing;
        return answer;
    }
    catch (error) {
        throw outOfReach(error, registry);
    }
}
async function refused({ authorization }, access, answer, verb) {
    return refusal(answer, { ...access, verb, who: await authorization.whoAsks(access) });
}
/**
 * The digest that a registry names for what was asked.
 * @throws RegistryError for one that is none, or another than was asked for
 */
function digestHeader({ headers }, reference) {
    const named = headers['docker-content-digest'];
    if (named === undefined)
        return undefined;
    const isFine = typeof named === 'string' && isDigest(named);
    if (isFine && (reference.digest === undefined || reference.digest === named))
        return named;
    throw new errors/* RegistryError */.gl(`${reference.registry} names ${isFine ? 'another digest' : 'something that is no digest'} for ${(0,image_reference/* formatReference */.FH)(reference)}: ${(0,quote/* quote */.h)(String(named))}.`, 'The registry, or a proxy on the way to it, has broken content.', false);
}
function sizeHeader({ headers }) {
    const text = headers['content-length'] ?? '';
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}


/***/ })

};
