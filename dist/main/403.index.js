export const id = 403;
export const ids = [403];
export const modules = {

/***/ 6533:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  W: () => (/* binding */ openAuthorization)
});

// EXTERNAL MODULE: ./build/registry/www-authenticate.js
var www_authenticate = __webpack_require__(9563);
// EXTERNAL MODULE: ./build/auth/keychain.js
var keychain = __webpack_require__(7883);
// EXTERNAL MODULE: ./build/lib/memoize.js
var memoize = __webpack_require__(4156);
// EXTERNAL MODULE: ./build/errors.js
var errors = __webpack_require__(9473);
// EXTERNAL MODULE: ./build/lib/quote.js
var quote = __webpack_require__(1328);
// EXTERNAL MODULE: ./build/lib/json.js
var json = __webpack_require__(292);
// EXTERNAL MODULE: ./build/lib/secret.js
var secret = __webpack_require__(1622);
// EXTERNAL MODULE: ./build/registry/errors.js
var registry_errors = __webpack_require__(7375);
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
    const question = request.login?.kind === 'identity' ? roundTripOf(realm, request, request.login) : queryOf(realm, request);
    const answer = await connection.roundTrip({ ...question, limit: LIMIT }).catch((error) => {
        throw (0,registry_errors/* outOfReach */.nn)(error, `${realm.host}, the token server of ${request.registry},`);
    });
    if (answer.status !== 200)
        throw noToken(withoutSecrets(answer, (0,keychain/* secretsOf */.Fj)(request.login)), realm, request);
    const { token, access_token: access, expires_in: life } = (0,json/* parseObject */.lj)(answer.body.toString('utf8'));
    const given = [token, access].find((one) => typeof one === 'string' && one !== '');
    // It becomes part of a header.
    if (given === undefined || !/^[\x21-\x7e]+$/.test(given))
        throw new errors/* RegistryError */.gl(`${realm.host}, the token server of ${request.registry}, sent no token.`, registry_errors/* NO_REGISTRY */.uM, false);
    const seconds = typeof life === 'number' && life > 0 ? life : DEFAULT_LIFE_S;
    return { header: new secret/* Secret */.z(`Bearer ${given}`), until: asked + seconds * 1000 };
}
/** An answer in which these texts can't be read, should the server have repeated them. */
function withoutSecrets(answer, secrets) {
    const body = secrets
        .filter((secret) => secret !== '')
        .reduce((text, secret) => text.replaceAll(secret, '***'), answer.body.toString('utf8'));
    return { ...answer, body: Buffer.from(body) };
}
function checkRealm(connection, { registry, demand }) {
    const refuse = (what) => new errors/* RegistryError */.gl(`The token server of ${registry} is ${(0,quote/* quote */.h)(demand.realm)}, which ${what}, so no login is sent there.`, 'The operator of the registry can change that. `tls-verify: false` allows plain HTTP only for the registries of the references.', false);
    if (!URL.canParse(demand.realm))
        throw refuse("isn't a valid URL");
    const realm = new URL(demand.realm);
    if (realm.username !== '' || realm.password !== '')
        throw refuse('contains a user name');
    if (!connection.isPrivate(realm))
        throw refuse("doesn't use HTTPS");
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
    return { method: 'GET', url, headers: { authorization: (0,keychain/* basicHeader */.mk)(login).reveal() } };
}
function roundTripOf(url, { scopes, demand }, login) {
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
    const transient = (0,registry_errors/* failure */.V2)(answer, realm.host);
    if (transient !== undefined)
        return transient;
    const { status } = answer;
    if (status === 404 || status === 405 || (0,registry_errors/* isPage */.yp)(answer))
        return new errors/* RegistryError */.gl(`${realm.host}, the token server of ${registry}, sent no token (${(0,registry_errors/* statusText */.qS)(answer)}).`, registry_errors/* NO_REGISTRY */.uM, false);
    const whom = login === undefined ? 'anonymous users' : (0,quote/* quote */.h)(login.username);
    return new errors/* RegistryError */.gl(`Access denied: ${realm.host}, the token server of ${registry}, gives ${whom} no token for ${repository} (${(0,registry_errors/* statusText */.qS)(answer)}).`, login === undefined
        ? `Log in to ${registry}: set \`username\` and \`password\` (and \`registry: ${registry}\`), or log in with an earlier step.`
        : 'Check "username", "password" and "registry"; with two-factor authentication, use an access token as the password.', false, { refuses: status === 401 || status === 403 });
}

;// CONCATENATED MODULE: ./build/registry/authorization.js




/** A token that ends sooner than this isn't used any more: the question takes time. */
const EXPIRY_MARGIN_MS = 500;
function openAuthorization(connection, find, clock) {
    const logins = new Map();
    const demands = new Map();
    const tokens = new Map();
    const loginOf = ({ registry, repository }) => (0,memoize/* once */.O)(logins, `${registry}/${repository}`, () => find(registry, repository));
    const headerFor = async (access, demand) => {
        const login = await loginOf(access);
        if (demand.kind === 'basic')
            return login?.kind === 'password' ? (0,keychain/* basicHeader */.mk)(login) : undefined;
        const key = JSON.stringify([access.registry, demand, access.scopes]);
        const kept = tokens.get(key);
        const isOver = kept !== undefined && (await kept).until - EXPIRY_MARGIN_MS < clock.now();
        // Others may have waited for the same, and have a new one by now.
        if (isOver && tokens.get(key) === kept)
            tokens.delete(key);
        return (await (0,memoize/* once */.O)(tokens, key, () => fetchToken(connection, { ...access, demand, login }, clock))).header;
    };
    const forget = async (header) => {
        for (const [key, token] of tokens)
            if ((await token.catch(() => undefined))?.header === header)
                tokens.delete(key);
    };
    const ask = async (access, send) => {
        const known = demands.get(access.registry);
        const first = known === undefined ? undefined : await headerFor(access, known);
        const response = await send(first?.reveal());
        // Where it leads elsewhere, that place has no say in who gets the login.
        if (response.status !== 401 || response.url.origin !== (await connection.originOf(access.registry)))
            return response;
        const demand = (0,www_authenticate/* chooseChallenge */.h)(response.challenges);
        // A token that was refused may have been withdrawn, and there is another; a password stays what it is.
        if (first !== undefined)
            await forget(first);
        if (demand === undefined || (demand.kind === 'basic' && known?.kind === 'basic'))
            return response;
        const second = await headerFor(access, demand);
        demands.set(access.registry, demand);
        return second === undefined ? response : await send(second.reveal());
    };
    return {
        ask: async (access, send) => {
            const sent = [];
            const response = await ask(access, (header) => {
                if (header !== undefined)
                    sent.push(header, header.slice(header.indexOf(' ') + 1));
                return send(header);
            });
            return response.status < 400 ? response : withoutSecrets(response, [...sent, ...(0,keychain/* secretsOf */.Fj)(await loginOf(access))]);
        },
        whoAsks: async (access) => (await loginOf(access))?.username,
    };
}


/***/ }),

/***/ 4222:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   F: () => (/* binding */ findBlob),
/* harmony export */   g: () => (/* binding */ readBlob)
/* harmony export */ });
/* harmony import */ var _request_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(7443);
/* harmony import */ var _manifest_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(9329);


/**
 * Whether a blob is there. Where a registry leads to a storage that only lets read what it was asked for, its first byte
 * is read.
 */
async function findBlob(client, reference, digest, access = (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .reading */ .hF)(reference)) {
    if (!(0,_manifest_js__WEBPACK_IMPORTED_MODULE_1__/* .isDigest */ .Bc)(digest))
        throw new Error(`${JSON.stringify(digest)} is not a digest`);
    const path = `/v2/${reference.repository}/blobs/${digest}`;
    const head = await (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .ask */ .kA)(client, access, { method: 'HEAD', path });
    if (head.status === 200)
        return true;
    if (head.status === 404)
        return false;
    const first = await (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .ask */ .kA)(client, access, { method: 'GET', path, headers: { range: 'bytes=0-0' } });
    if (first.status === 200 || first.status === 206)
        return true;
    if (first.status === 404)
        return false;
    throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .refused */ .J5)(client, access, first, 'read');
}
/** The bytes of a blob. */
async function readBlob(client, reference, digest) {
    if (!(0,_manifest_js__WEBPACK_IMPORTED_MODULE_1__/* .isDigest */ .Bc)(digest))
        throw new Error(`${JSON.stringify(digest)} is not a digest`);
    const access = (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .reading */ .hF)(reference);
    const response = await (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .ask */ .kA)(client, access, { method: 'GET', path: `/v2/${reference.repository}/blobs/${digest}` });
    if (response.status !== 200)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_0__/* .refused */ .J5)(client, access, response, 'read');
    (0,_manifest_js__WEBPACK_IMPORTED_MODULE_1__/* .checkedDigest */ .oM)(response.body, digest, reference);
    return response.body;
}


/***/ }),

/***/ 7375:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   V2: () => (/* binding */ failure),
/* harmony export */   nn: () => (/* binding */ outOfReach),
/* harmony export */   os: () => (/* binding */ unexpected),
/* harmony export */   qS: () => (/* binding */ statusText),
/* harmony export */   uM: () => (/* binding */ NO_REGISTRY),
/* harmony export */   x5: () => (/* binding */ refusal),
/* harmony export */   yp: () => (/* binding */ isPage)
/* harmony export */ });
/* harmony import */ var _errors_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(9473);
/* harmony import */ var _lib_quote_js__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(1328);
/* harmony import */ var _lib_json_js__WEBPACK_IMPORTED_MODULE_3__ = __webpack_require__(292);
/* harmony import */ var _http_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(7411);




/** What to do where something else answers. */
const NO_REGISTRY = 'Check that it is the address of a registry, and that no proxy answers in its place.';
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
function refusal(response, { registry, repository, verb, who }) {
    const { status } = response;
    const said = statusText(response);
    const whom = who === undefined ? 'anonymous users' : (0,_lib_quote_js__WEBPACK_IMPORTED_MODULE_2__/* .quote */ .h)(who);
    if (status === 401 || status === 403)
        return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`Access denied: ${registry} doesn't allow ${whom} to ${verb} ${repository} (${said}).`, hintFor(status, registry, who), false, { refuses: true });
    if (verb === 'write to' && errorsOf(response).some(({ code }) => LOST.has(String(code))))
        return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`${registry} reports missing content in what was pushed to ${repository} (${said}).`, _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .LOST_CONTENT */ .Df.hint, true, { retries: _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .LOST_CONTENT */ .Df.retries });
    if (status === 404)
        return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`${registry} has no repository ${repository}, or hides it from ${whom} (${said}).`, 'Check that the repository exists; some registries require it to be created before the first push.', false);
    return failure(response, registry) ?? unexpected(response, registry);
}
/** Answers that may be others the next time: too many questions, and a registry that is ill; undefined for others. */
function failure(response, registry) {
    const { status } = response;
    if (status !== 429 && status !== 408 && status < 500)
        return undefined;
    const what = status === 429 ? 'limits the rate of requests' : 'reports a temporary error';
    const hint = status === 429 ? 'Log in (`username`, `password`), or use a mirror.' : 'Try again later, or check its status page.';
    const retryAfterMs = retryAfter(response);
    return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`${registry} ${what} (${statusText(response)}).`, hint, true, {
        retryAfterMs,
        limitsRate: status === 429,
    });
}
/** An answer that isn't one of those that the protocol knows. */
function unexpected(response, registry) {
    return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`${registry} sent an unexpected response (${statusText(response)}).`, NO_REGISTRY, false, {
        refuses: true,
    });
}
/** Whether an answer is for people: of a proxy that wants a login of its own, of a web site. A 401 is often one as well. */
function isPage({ status, headers }) {
    return status !== 401 && /^text\/html\b/i.test(headers['content-type'] ?? '');
}
/** A server that couldn't be spoken to. What else was thrown stays as it is. */
function outOfReach(error, host) {
    if (!(error instanceof _http_js__WEBPACK_IMPORTED_MODULE_1__/* .ConnectionError */ .R))
        return error;
    const { code } = (error.cause ?? {});
    return new _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl(`Request to ${host} failed: ${(0,_lib_quote_js__WEBPACK_IMPORTED_MODULE_2__/* .quote */ .h)(error.message)}.`, hintForConnection(code), error.transient);
}
/** `404 NAME_UNKNOWN: "…"`: the status and the first that the registry says, in which nothing can act. */
function statusText({ status, body }) {
    const text = body.toString('utf8');
    const { error, error_description: description, details, message } = (0,_lib_json_js__WEBPACK_IMPORTED_MODULE_3__/* .parseObject */ .lj)(text);
    const [first] = errorsOf({ body });
    const [code, says] = first ? [first['code'], first['message']] : [error, description ?? details ?? message];
    const name = typeof code === 'string' && /^[A-Za-z_ ]{1,40}$/.test(code) ? ` ${code}` : '';
    if (typeof says === 'string' && says !== '')
        return `${status}${name}: ${(0,_lib_quote_js__WEBPACK_IMPORTED_MODULE_2__/* .quote */ .h)(says)}`;
    // Pages for people tell nothing in a line.
    return name !== '' || text.trim() === '' || text.includes('<')
        ? `${status}${name}`
        : `${status}: ${(0,_lib_quote_js__WEBPACK_IMPORTED_MODULE_2__/* .quote */ .h)(text.trim())}`;
}
/** The errors of the protocol that an answer holds. */
function errorsOf({ body }) {
    const { errors } = (0,_lib_json_js__WEBPACK_IMPORTED_MODULE_3__/* .parseObject */ .lj)(body.toString('utf8'));
    return (0,_lib_json_js__WEBPACK_IMPORTED_MODULE_3__/* .listOf */ .c3)(errors).filter(_lib_json_js__WEBPACK_IMPORTED_MODULE_3__/* .isObject */ .Gv);
}
/** Milliseconds that an answer asks to wait, by seconds or by a date. */
function retryAfter({ headers }) {
    const text = headers['retry-after'];
    if (text === undefined)
        return undefined;
    const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
    return milliseconds > 0 ? milliseconds : undefined;
}
function hintFor(status, registry, who) {
    if (who === undefined)
        return `Log in to ${registry}: set \`username\` and \`password\` (and \`registry: ${registry}\`), or log in with an earlier step.`;
    return status === 401
        ? 'Check "username", "password" and "registry", and that the token is valid for this repository; with two-factor authentication, use an access token as the password.'
        : 'The login is valid, but it has no access: check that the repository exists and that the token may write to it.';
}
function hintForConnection(code = '') {
    if (CERTIFICATE.test(code))
        return 'This machine doesn’t trust the certificate of the registry. Add its certificate authority to /etc/containers/certs.d/HOST/ca.crt, or write `tls-verify: false` if it is the registry that you push to.';
    if (code === 'EPROTO')
        return 'If the registry uses plain HTTP on purpose, write `tls-verify: false`.';
    return 'Check its name and port, that it is running, and that this machine can reach it.';
}


/***/ }),

/***/ 7411:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  R: () => (/* binding */ ConnectionError),
  J: () => (/* binding */ openConnection)
});

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
;// CONCATENATED MODULE: ./build/registry/ca-certificates.js



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

// EXTERNAL MODULE: ./build/lib/memoize.js
var memoize = __webpack_require__(4156);
;// CONCATENATED MODULE: ./build/registry/redirection.js
/** Where an answer leads a question that only reads; undefined where it doesn't. A login goes to the same origin alone. */
function redirection(asked, { status, headers: { location } }) {
    const isReading = asked.method === 'GET' || asked.method === 'HEAD';
    if (!isReading || ![301, 302, 303, 307, 308].includes(status) || location === undefined)
        return undefined;
    if (!URL.canParse(location, asked.url.href))
        return undefined;
    const url = new URL(location, asked.url);
    const { authorization, ...others } = asked.headers ?? {};
    const keeps = authorization !== undefined && url.origin === asked.url.origin;
    return { url, headers: keeps ? { ...others, authorization } : others };
}

;// CONCATENATED MODULE: ./build/registry/http.js






/** An exchange without a whole answer. */
class ConnectionError extends Error {
    transient;
    name = 'ConnectionError';
    constructor(message, 
    /** The network was at fault, and may not be the next time. */
    transient, options) {
        super(message, options);
        this.transient = transient;
    }
}
const IDLE_TIMEOUT_MS = 10_000;
/** The longest for one exchange: a registry that writes looks at every layer first. */
const TOTAL_MS = 60_000;
const REDIRECTS = 5;
const TRANSIENT = [
    ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN', 'ENETUNREACH'],
    ...['EHOSTUNREACH', 'ENETDOWN', 'ERR_STREAM_PREMATURE_CLOSE'],
];
function openConnection({ insecure, env, quietMs = IDLE_TIMEOUT_MS }) {
    const agents = new Map();
    const origins = new Map();
    const isLoose = (url) => insecure.some((host) => host === url.host || host === `${url.hostname}:${portOf(url)}`);
    const isPrivate = (url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoose(url));
    const transportTo = (url) => (0,memoize/* once */.O)(agents, url.origin, async () => openTransport(url, isLoose(url), await authoritiesFor(url.host, env)));
    const roundTrip = async (request) => {
        let [asked, left] = [request, REDIRECTS];
        for (;;) {
            if (!isPrivate(asked.url))
                throw new ConnectionError(`${asked.url.origin} doesn't use HTTPS`, false);
            const response = await send(asked, (await transportTo(asked.url)).agent, quietMs);
            const next = redirection(asked, response);
            if (next === undefined)
                return response;
            if (--left < 0)
                throw new ConnectionError(`${request.url.host} redirects too often`, false);
            asked = { ...asked, ...next };
        }
    };
    return {
        roundTrip,
        isPrivate,
        originOf: (registry) => (0,memoize/* once */.O)(origins, registry, async () => {
            const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
            const secure = `https://${host}`;
            return isLoose(new URL(secure)) ? await findOrigin(secure, `http://${host}`, roundTrip) : secure;
        }),
        close() {
            for (const transport of agents.values())
                void transport.then(({ client }) => {
                    client.dispose();
                }, () => undefined);
        },
    };
}
/** HTTPS, whatever its certificate, and plain HTTP where nothing speaks that: for hosts that may do without. */
async function findOrigin(secure, plain, roundTrip) {
    const isThere = async (origin) => {
        await roundTrip({ method: 'GET', url: new URL('/v2/', origin), limit: 64 * 1024 });
        return origin;
    };
    return await isThere(secure).catch(async (error) => {
        return await isThere(plain).catch((second) => {
            // The second says more where the network was at fault: nothing answers there at all.
            throw second instanceof ConnectionError && second.transient ? second : error;
        });
    });
}
/** Connections to one origin, kept alive, by a proxy where the environment names one. */
function openTransport(url, isLoose, authorities) {
    const client = new lib/* HttpClient */.Qq(undefined, [], { keepAlive: true });
    const agent = client.getAgent(url.origin);
    // The client's own switch does the same; it has none for authorities.
    const { options } = agent;
    Object.assign(options, isLoose ? { rejectUnauthorized: false } : { ca: authorities });
    return { client, agent };
}
async function send(request, agent, quietMs) {
    const { method, url } = request;
    const clock = new AbortController();
    let tooLate;
    const late = (what) => () => {
        tooLate = new ConnectionError(`${url.host} ${what}`, true);
        clock.abort();
    };
    const isTimed = request.stream === undefined;
    const total = isTimed && request.into === undefined
        ? setTimeout(late(`sent no complete response within ${TOTAL_MS / 1000} s`), TOTAL_MS)
        : undefined;
    const quietest = method === 'GET' || method === 'HEAD' ? quietMs : TOTAL_MS;
    const quiet = isTimed ? setTimeout(late(`sent nothing for ${quietMs / 1000} s`), quietest) : undefined;
    const end = clock.abort.bind(clock, undefined);
    request.signal?.addEventListener('abort', end);
    if (request.signal?.aborted === true)
        end();
    try {
        const response = await start(request, agent, clock.signal);
        return {
            status: response.statusCode ?? 0,
            headers: response.headers,
            challenges: response.headersDistinct['www-authenticate'] ?? [],
            body: await readBody(response, request, () => quiet?.refresh()),
            url,
        };
    }
    catch (error) {
        throw tooLate ?? connectionError(url, error);
    }
    finally {
        request.signal?.removeEventListener('abort', end);
        clearTimeout(total);
        clearTimeout(quiet);
    }
}
async function start(request, agent, signal) {
    const { method, url, headers, body, stream } = request;
    const isWhole = body !== undefined || (method === 'POST' && stream === undefined);
    const length = isWhole ? { 'content-length': String(body?.length ?? 0) } : {};
    return await new Promise((resolve, reject) => {
        const all = { 'user-agent': 'rootless-image-build', ...headers, ...length };
        const options = { method, agent, signal, headers: all };
        const request = url.protocol === 'https:' ? (0,external_node_https_.request)(url, options, resolve) : (0,external_node_http_.request)(url, options, resolve);
        request.on('error', reject);
        if (stream === undefined)
            request.end(body);
        else
            sendStream(stream, request);
    });
}
/** An answer may come before the end of what is sent; what is left is read all the same, so that its sender hears it. */
function sendStream(stream, request) {
    const drop = () => stream.unpipe(request).resume();
    request.on('error', drop).on('close', drop);
    stream.on('close', () => {
        if (!stream.readableEnded)
            request.destroy();
    });
    stream.pipe(request);
}
async function readBody(response, { url, limit, into }, onPiece) {
    const kept = [];
    let size = 0;
    onPiece();
    if (into !== undefined && response.statusCode === 200)
        await into(watched(response, onPiece));
    else
        // Ends with an error where the connection ends before the answer does.
        for await (const piece of watched(response, onPiece)) {
            kept.push(piece);
            size += piece.length;
            if (size > limit)
                throw new ConnectionError(`${url.host} sent more than ${limit} bytes`, false);
        }
    return Buffer.concat(kept);
}
async function* watched(response, onPiece) {
    for await (const piece of response) {
        onPiece();
        yield piece;
    }
}
function connectionError(url, error) {
    if (error instanceof ConnectionError)
        return error;
    const { code, message } = error;
    // Where several addresses of a host were tried, the message is empty.
    const what = message === '' ? (code ?? 'unknown error') : message;
    return new ConnectionError(`${url.host}: ${what}`, TRANSIENT.includes(code ?? ''), { cause: error });
}
function portOf({ protocol, port }) {
    return port === '' ? (protocol === 'https:' ? '443' : '80') : port;
}


/***/ }),

/***/ 7443:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   J5: () => (/* binding */ refused),
/* harmony export */   Od: () => (/* binding */ scopeOf),
/* harmony export */   dV: () => (/* binding */ writing),
/* harmony export */   hF: () => (/* binding */ reading),
/* harmony export */   kA: () => (/* binding */ ask)
/* harmony export */ });
/* harmony import */ var _manifest_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(9329);
/* harmony import */ var _errors_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(7375);


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
/** Asks one registry. @throws RegistryError when it can't be reached, or may answer otherwise the next time */
async function ask({ connection, authorization }, access, line, onTry = () => undefined) {
    const { registry } = access;
    const { path, headers, ...request } = line;
    try {
        const url = new URL(`${await connection.originOf(registry)}${path}`);
        const response = await authorization.ask(access, (authorization) => {
            onTry(authorization);
            return connection.roundTrip({
                ...request,
                url,
                limit: _manifest_js__WEBPACK_IMPORTED_MODULE_0__/* .MANIFEST_LIMIT */ .MV,
                headers: { ...headers, ...(authorization !== undefined && { authorization }) },
            });
        });
        const transient = (0,_errors_js__WEBPACK_IMPORTED_MODULE_1__/* .failure */ .V2)(response, registry);
        if (transient !== undefined)
            throw transient;
        return response;
    }
    catch (error) {
        throw (0,_errors_js__WEBPACK_IMPORTED_MODULE_1__/* .outOfReach */ .nn)(error, registry);
    }
}
async function refused({ authorization }, access, response, verb) {
    return (0,_errors_js__WEBPACK_IMPORTED_MODULE_1__/* .refusal */ .x5)(response, { ...access, verb, who: await authorization.whoAsks(access) });
}


/***/ }),

/***/ 956:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Dk: () => (/* binding */ beginUpload),
/* harmony export */   GZ: () => (/* binding */ tryPush),
/* harmony export */   Or: () => (/* binding */ mount),
/* harmony export */   Se: () => (/* binding */ upload)
/* harmony export */ });
/* harmony import */ var _errors_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(9473);
/* harmony import */ var _request_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(7443);
/* harmony import */ var _www_authenticate_js__WEBPACK_IMPORTED_MODULE_4__ = __webpack_require__(9563);
/* harmony import */ var _manifest_js__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(9329);
/* harmony import */ var _errors_js__WEBPACK_IMPORTED_MODULE_3__ = __webpack_require__(7375);





/**
 * Begins an upload, and ends it without a byte.
 * @throws RegistryError when it is refused
 */
async function tryPush(client, { registry, repository }) {
    const access = (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .writing */ .dV)({ registry, repository });
    const path = `/v2/${repository}/blobs/uploads/`;
    const ping = await greet(client, registry);
    const asked = [];
    const response = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'POST', path }, (authorization) => asked.push(authorization));
    const { status } = response;
    if ((0,_errors_js__WEBPACK_IMPORTED_MODULE_3__/* .isPage */ .yp)(response))
        throw (0,_errors_js__WEBPACK_IMPORTED_MODULE_3__/* .unexpected */ .os)(response, registry);
    if (status === 401 || status === 403)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, response, 'write to');
    if (status === 202)
        await cancel(client, { registry, repository }, response);
    return { asksLate: asked.length > 1 && (0,_www_authenticate_js__WEBPACK_IMPORTED_MODULE_4__/* .chooseChallenge */ .h)(ping.challenges) === undefined };
}
/** The question by which clients find out how a registry wants to be asked; without a login. */
async function greet({ connection }, registry) {
    try {
        const url = new URL('/v2/', await connection.originOf(registry));
        return await connection.roundTrip({ method: 'GET', url, limit: _manifest_js__WEBPACK_IMPORTED_MODULE_2__/* .MANIFEST_LIMIT */ .MV });
    }
    catch (error) {
        throw (0,_errors_js__WEBPACK_IMPORTED_MODULE_3__/* .outOfReach */ .nn)(error, registry);
    }
}
/**
 * Makes a blob of another repository of the same registry one of this repository.
 * @returns whether it is there now
 */
async function mount(client, into, digest, from) {
    if (into.registry !== from.registry)
        throw new Error('a blob can only be mounted within one registry');
    if (!(0,_manifest_js__WEBPACK_IMPORTED_MODULE_2__/* .isDigest */ .Bc)(digest))
        throw new Error(`${JSON.stringify(digest)} is not a digest`);
    const access = (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .writing */ .dV)(into, from);
    const blobs = `/v2/${into.repository}/blobs`;
    const there = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'HEAD', path: `${blobs}/${digest}` });
    if (there.status === 200)
        return true;
    if (there.status !== 404)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, there, 'read');
    const query = new URLSearchParams({ mount: digest, from: from.repository }).toString();
    const response = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'POST', path: `${blobs}/uploads/?${query}` });
    if (response.status === 201)
        return true;
    if (response.status !== 202)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, response, 'write to');
    await cancel(client, into, response);
    return false;
}
/** Puts a small blob into a repository, where it isn't there yet. */
async function upload(client, into, { digest, bytes }) {
    if ((0,_manifest_js__WEBPACK_IMPORTED_MODULE_2__/* .digestLike */ .kG)(bytes, digest) !== digest)
        throw new Error(`the bytes of the blob don't match ${digest}`);
    const access = (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .writing */ .dV)(into);
    const blobs = `/v2/${into.repository}/blobs`;
    const there = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'HEAD', path: `${blobs}/${digest}` });
    if (there.status === 200)
        return;
    if (there.status !== 404)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, there, 'read');
    const path = await beginUpload(client, into, digest);
    const headers = { 'content-type': 'application/octet-stream' };
    const response = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'PUT', path, headers, body: bytes });
    if (response.status < 200 || response.status > 299)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, response, 'write to');
}
/** Begins an upload. @returns where a PUT of all bytes ends it, below the address of the registry */
async function beginUpload(client, into, digest, signal) {
    const access = (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .writing */ .dV)(into);
    const path = `/v2/${into.repository}/blobs/uploads/`;
    const begun = await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'POST', path, ...(signal && { signal }) });
    if (begun.status !== 202)
        throw await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .refused */ .J5)(client, access, begun, 'write to');
    const place = placeOf(begun);
    if (place === undefined)
        throw (0,_errors_js__WEBPACK_IMPORTED_MODULE_3__/* .unexpected */ .os)(begun, into.registry);
    return `${place}${place.includes('?') ? '&' : '?'}${new URLSearchParams({ digest }).toString()}`;
}
/** Ends an upload that a registry began in place of a mount. One that stays is the registry's to clean up. */
async function cancel(client, into, begun) {
    const path = placeOf(begun);
    if (path === undefined)
        return;
    const access = { ...(0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .writing */ .dV)(into), scopes: [(0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .scopeOf */ .Od)(into, 'pull,push,delete')] };
    await (0,_request_js__WEBPACK_IMPORTED_MODULE_1__/* .ask */ .kA)(client, access, { method: 'DELETE', path }).catch((error) => {
        if (!(error instanceof _errors_js__WEBPACK_IMPORTED_MODULE_0__/* .RegistryError */ .gl))
            throw error;
    });
}
/** Where an upload that was begun goes on, below the address of the registry; undefined where it goes on elsewhere. */
function placeOf({ headers: { location }, url }) {
    if (location === undefined || !URL.canParse(location, url.href))
        return undefined;
    const { host, pathname, search } = new URL(location, url);
    // Behind a proxy a registry may name itself by another scheme; but no other host gets the login.
    return host === url.host ? `${pathname}${search}` : undefined;
}


/***/ }),

/***/ 9563:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   h: () => (/* binding */ chooseChallenge)
/* harmony export */ });
/* unused harmony export parseChallenges */
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
function chooseChallenge(headers) {
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


/***/ })

};
