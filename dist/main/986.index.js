export const id = 986;
export const ids = [986];
export const modules = {

/***/ 7986:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  openRegistries: () => (/* binding */ openRegistries)
});

// EXTERNAL MODULE: ./build/lib/clock.js
var lib_clock = __webpack_require__(4570);
// EXTERNAL MODULE: ./build/metadata/reference.js + 1 modules
var metadata_reference = __webpack_require__(4693);
// EXTERNAL MODULE: ./build/lib/retry.js
var retry = __webpack_require__(1374);
// EXTERNAL MODULE: ./build/registry/request.js
var request = __webpack_require__(7443);
// EXTERNAL MODULE: ./build/registry/authorization.js + 1 modules
var registry_authorization = __webpack_require__(6533);
// EXTERNAL MODULE: ./build/registry/blobs.js
var blobs = __webpack_require__(4222);
// EXTERNAL MODULE: ./build/registry/http.js + 2 modules
var http = __webpack_require__(7411);
// EXTERNAL MODULE: ./build/errors.js
var errors = __webpack_require__(9473);
// EXTERNAL MODULE: ./build/lib/quote.js
var quote = __webpack_require__(1328);
// EXTERNAL MODULE: ./build/registry/errors.js
var registry_errors = __webpack_require__(7375);
// EXTERNAL MODULE: ./build/registry/manifest.js
var registry_manifest = __webpack_require__(9329);
;// CONCATENATED MODULE: ./build/registry/manifest-requests.js






/** HEAD, or GET where that doesn't tell all. */
async function lookUpManifest(client, reference, access) {
    const response = await (0,request/* ask */.kA)(client, access, { method: 'HEAD', ...manifestLine(reference) });
    if (response.status === 404)
        return undefined;
    // Some have no HEAD.
    if (response.status !== 200 && response.status !== 405)
        throw await (0,request/* refused */.J5)(client, access, response, 'read');
    const digest = digestHeader(response, reference);
    const mediaType = (0,registry_manifest/* manifestType */.Yt)(response.headers['content-type']);
    const size = sizeHeader(response);
    if (response.status === 200 && digest !== undefined && mediaType !== undefined && size !== undefined)
        return { digest, mediaType, size };
    const manifest = await readManifest(client, reference, access);
    return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size };
}
/** GET, with the bytes checked against the digest that was asked for, or that the registry names. */
async function readManifest(client, reference, access) {
    const response = await (0,request/* ask */.kA)(client, access, { method: 'GET', ...manifestLine(reference) });
    const { status, body: bytes } = response;
    if (status === 404)
        return undefined;
    if (status !== 200)
        throw await (0,request/* refused */.J5)(client, access, response, 'read');
    const wanted = digestHeader(response, reference) ?? reference.digest;
    const digest = (0,registry_manifest/* checkedDigest */.oM)(bytes, wanted, reference);
    const mediaType = (0,registry_manifest/* manifestType */.Yt)(response.headers['content-type'], bytes);
    if (mediaType === undefined)
        throw (0,registry_errors/* unexpected */.os)({ ...response, body: Buffer.alloc(0) }, reference.registry);
    return { digest, mediaType, size: bytes.length, bytes };
}
async function putManifest(client, reference, { bytes, digest, mediaType }) {
    if (reference.tag === undefined)
        throw new Error('a manifest needs a tag to be put under');
    if ((0,registry_manifest/* digestLike */.kG)(bytes, digest) !== digest)
        throw new Error(`the bytes of the manifest don't match ${digest}`);
    const access = (0,request/* writing */.dV)(reference);
    const tagged = { registry: reference.registry, repository: reference.repository, tag: reference.tag };
    const { path } = manifestLine(tagged);
    const response = await (0,request/* ask */.kA)(client, access, {
        method: 'PUT',
        path,
        headers: { 'content-type': mediaType },
        body: bytes,
    });
    if (response.status < 200 || response.status > 299)
        throw await (0,request/* refused */.J5)(client, access, response, 'write to');
    const there = await lookUpManifest(client, tagged, access);
    if (there?.digest === digest)
        return;
    throw new errors/* RegistryError */.gl(`${(0,metadata_reference/* formatReference */.FH)(tagged)} was pushed as ${digest}, but the registry now returns ${there?.digest ?? 'nothing'} for it.`, 'Check whether another job pushes the same tag at the same time.', false);
}
function manifestLine({ repository, tag, digest }) {
    return {
        path: `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`,
        headers: { accept: registry_manifest/* MANIFEST_TYPES */._P.join(', ') },
    };
}
/**
 * The digest that a registry names for what was asked.
 * @throws RegistryError for one that is none, or another than was asked for
 */
function digestHeader({ headers }, reference) {
    const named = headers['docker-content-digest'];
    if (named === undefined)
        return undefined;
    const isFine = typeof named === 'string' && (0,registry_manifest/* isDigest */.Bc)(named);
    if (isFine && (reference.digest === undefined || reference.digest === named))
        return named;
    throw new errors/* RegistryError */.gl(`${reference.registry} returned ${isFine ? 'another digest' : 'an invalid digest'} for ${(0,metadata_reference/* formatReference */.FH)(reference)}: ${(0,quote/* quote */.h)(String(named))}.`, 'The registry, or a proxy in front of it, has corrupt content.', false);
}
function sizeHeader({ headers }) {
    const text = headers['content-length'] ?? '';
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

// EXTERNAL MODULE: ./build/auth/keychain.js
var keychain = __webpack_require__(7883);
// EXTERNAL MODULE: ./build/registry/uploads.js
var uploads = __webpack_require__(956);
;// CONCATENATED MODULE: ./build/registry/client.js










function openRegistries(options) {
    const { clock = lib_clock/* systemClock */.m } = options;
    const connection = (0,http/* openConnection */.J)(options);
    const find = (registry, repository) => (0,keychain/* findLogin */.B7)(registry, repository, options);
    const authorization = (0,registry_authorization/* openAuthorization */.W)(connection, find, clock);
    const client = { connection, authorization };
    return {
        resolve: (reference) => (0,retry/* withRetries */.L)(`Lookup of ${(0,metadata_reference/* formatReference */.FH)(reference)}`, () => lookUpManifest(client, reference, (0,request/* reading */.hF)(reference)), clock),
        fetchManifest: (reference) => (0,retry/* withRetries */.L)(`Fetch of the manifest ${(0,metadata_reference/* formatReference */.FH)(reference)}`, () => readManifest(client, reference, (0,request/* reading */.hF)(reference)), clock),
        putManifest: (reference, manifest) => (0,retry/* withRetries */.L)(`Tag ${(0,metadata_reference/* formatReference */.FH)(reference)}`, () => putManifest(client, reference, manifest), clock),
        mountBlob: (into, digest, from) => (0,retry/* withRetries */.L)(`Mount of ${digest} into ${(0,metadata_reference/* formatReference */.FH)(into)}`, () => (0,uploads/* mount */.Or)(client, into, digest, from), clock),
        putBlob: (into, blob) => (0,retry/* withRetries */.L)(`Upload of ${blob.digest} to ${(0,metadata_reference/* formatReference */.FH)(into)}`, () => (0,uploads/* upload */.Se)(client, into, blob), clock),
        hasBlob: (reference, digest) => (0,retry/* withRetries */.L)(`Lookup of ${digest} in ${(0,metadata_reference/* formatReference */.FH)(reference)}`, () => (0,blobs/* findBlob */.F)(client, reference, digest), clock),
        fetchBlob: (reference, digest) => (0,retry/* withRetries */.L)(`Fetch of ${digest} from ${(0,metadata_reference/* formatReference */.FH)(reference)}`, () => (0,blobs/* readBlob */.g)(client, reference, digest), clock),
        tryPush: (reference) => (0,uploads/* tryPush */.GZ)(client, reference),
        close: () => {
            connection.close();
        },
    };
}


/***/ })

};
