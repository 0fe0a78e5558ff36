export const id = 479;
export const ids = [479];
export const modules = {

/***/ 1479:
/***/ ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  openArtifacts: () => (/* binding */ openArtifacts)
});

// EXTERNAL MODULE: ./build/auth/keychain.js
var keychain = __webpack_require__(7883);
// EXTERNAL MODULE: ./build/errors.js
var errors = __webpack_require__(9473);
// EXTERNAL MODULE: ./build/lib/json.js
var json = __webpack_require__(292);
// EXTERNAL MODULE: ./build/lib/clock.js
var clock = __webpack_require__(4570);
// EXTERNAL MODULE: ./build/metadata/reference.js + 1 modules
var reference = __webpack_require__(4693);
// EXTERNAL MODULE: ./build/registry/authorization.js + 1 modules
var registry_authorization = __webpack_require__(6533);
// EXTERNAL MODULE: external "node:fs"
var external_node_fs_ = __webpack_require__(3024);
// EXTERNAL MODULE: external "node:fs/promises"
var promises_ = __webpack_require__(1455);
// EXTERNAL MODULE: external "node:stream/promises"
var external_node_stream_promises_ = __webpack_require__(6466);
// EXTERNAL MODULE: ./build/registry/http.js + 2 modules
var http = __webpack_require__(7411);
// EXTERNAL MODULE: ./build/registry/manifest.js
var manifest = __webpack_require__(9329);
// EXTERNAL MODULE: ./build/registry/request.js
var request = __webpack_require__(7443);
// EXTERNAL MODULE: ./build/registry/uploads.js
var uploads = __webpack_require__(956);
;// CONCATENATED MODULE: ./build/registry/blob-files.js







/** Writes a blob into a new file as it comes: memory holds a piece of it. @returns false where there is none */
async function downloadBlob(client, access, { digest, size }, { path, signal }) {
    if (!(0,manifest/* isDigest */.Bc)(digest))
        throw new Error(`${JSON.stringify(digest)} is not a digest`);
    const asked = { method: 'GET', path: `/v2/${access.repository}/blobs/${digest}`, signal };
    const into = (pieces) => (0,external_node_stream_promises_.pipeline)(upTo(size, pieces, access.registry), (0,external_node_fs_.createWriteStream)(path, { flags: 'wx', mode: 0o600 }));
    const response = await (0,request/* ask */.kA)(client, access, { ...asked, into });
    if (response.status === 404)
        return false;
    if (response.status !== 200)
        throw await (0,request/* refused */.J5)(client, access, response, 'read');
    return true;
}
/** Sends a file as it is read. */
async function uploadFile(client, into, { digest, size }, { path, signal }) {
    const file = await (0,promises_.open)(path);
    const stream = file.createReadStream();
    // Told by the request, which ends with it.
    stream.on('error', () => undefined);
    try {
        const access = (0,request/* writing */.dV)(into);
        const place = await (0,uploads/* beginUpload */.Dk)(client, into, digest, signal);
        const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) };
        let isSent = false;
        const onTry = () => {
            if (isSent)
                throw new http/* ConnectionError */.R(`${into.registry} asked for another login during an upload`, true);
            isSent = true;
        };
        const response = await (0,request/* ask */.kA)(client, access, { method: 'PUT', path: place, headers, stream, signal }, onTry);
        if (response.status < 200 || response.status > 299)
            throw await (0,request/* refused */.J5)(client, access, response, 'write to');
    }
    finally {
        stream.destroy();
    }
}
async function* upTo(size, pieces, registry) {
    let come = 0;
    for await (const piece of pieces) {
        come += piece.length;
        if (come > size)
            throw new http/* ConnectionError */.R(`${registry} sent more than the ${size} bytes of a blob`, false);
        yield piece;
    }
}

// EXTERNAL MODULE: ./build/registry/blobs.js
var blobs = __webpack_require__(4222);
;// CONCATENATED MODULE: ./build/registry/artifacts.js












const IMAGE_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
/**
 * Opens a repository for what isn't an image. Nothing is asked yet.
 * @param writes whether something will be written: then that is what a token is asked for, and for reading alone only
 * where that is refused
 */
function openArtifacts(options, written, writes) {
    const name = (0,reference/* parseName */.$q)(written);
    const client = openClient(options);
    const read = async (question) => {
        if (!writes)
            return await question((0,request/* reading */.hF)(name));
        return await question((0,request/* writing */.dV)(name)).catch(async (error) => {
            if (!(error instanceof errors/* RegistryError */.gl && error.refuses))
                throw error;
            return await question((0,request/* reading */.hF)(name));
        });
    };
    return {
        name: (0,reference/* formatReference */.FH)(name),
        ...manifestsOf(name, client, read),
        hasBlob: (digest) => read((access) => (0,blobs/* findBlob */.F)(client, name, digest, access)),
        fetchBlob: (blob, path, signal) => read((access) => downloadBlob(client, access, blob, { path, signal })),
        putBlob: (blob, path, signal) => uploadFile(client, name, blob, { path, signal }),
        mountBlob: (digest, from) => (0,uploads/* mount */.Or)(client, name, digest, (0,reference/* parseName */.$q)(from)),
        async isPublic(tag, signal) {
            const { connection } = client;
            const authorization = (0,registry_authorization/* openAuthorization */.W)(connection, () => Promise.resolve(undefined), clock/* systemClock */.m);
            const line = { method: 'GET', ...manifestLine(name, tag), signal };
            const response = await (0,request/* ask */.kA)({ connection, authorization }, (0,request/* reading */.hF)(name), line).catch((error) => {
                if (!(error instanceof errors/* RegistryError */.gl))
                    throw error;
            });
            return response?.status === 200;
        },
        requests: client.requests,
        close: () => {
            client.connection.close();
        },
    };
}
function manifestsOf(name, client, read) {
    return {
        fetchManifest: (tag, signal) => read(async (access) => {
            const response = await (0,request/* ask */.kA)(client, access, { method: 'GET', ...manifestLine(name, tag), signal });
            if (response.status === 404)
                return undefined;
            if (response.status !== 200)
                throw await (0,request/* refused */.J5)(client, access, response, 'read');
            const told = response.headers['docker-content-digest'];
            const digest = (0,manifest/* checkedDigest */.oM)(response.body, typeof told === 'string' ? told : undefined, name);
            return { digest, text: response.body.toString('utf8') };
        }),
        async putManifest(tag, mediaType, text, signal) {
            const access = (0,request/* writing */.dV)(name);
            const { path } = manifestLine(name, tag);
            const line = { method: 'PUT', path, body: Buffer.from(text), signal };
            const response = await (0,request/* ask */.kA)(client, access, { ...line, headers: { 'content-type': mediaType } });
            if (response.status >= 200 && response.status < 300)
                return true;
            const error = await (0,request/* refused */.J5)(client, access, response, 'write to');
            if (error.transient || [401, 403, 404].includes(response.status))
                throw error;
            return false;
        },
        async deleteManifest(digest, signal) {
            const access = { ...name, scopes: [(0,request/* scopeOf */.Od)(name, 'pull,push,delete')] };
            try {
                const { path } = manifestLine(name, digest);
                const { status } = await (0,request/* ask */.kA)(client, access, { method: 'DELETE', path, signal });
                return (status >= 200 && status < 300) || status === 404;
            }
            catch (error) {
                if (error instanceof errors/* RegistryError */.gl && error.refuses)
                    return false;
                throw error;
            }
        },
        tags: (signal) => read(async (access) => {
            const path = `/v2/${name.repository}/tags/list?n=1000`;
            const response = await (0,request/* ask */.kA)(client, access, { method: 'GET', path, signal });
            if (response.status === 404)
                return [];
            if (response.status !== 200)
                throw await (0,request/* refused */.J5)(client, access, response, 'read');
            const { tags } = (0,json/* parseObject */.lj)(response.body.toString('utf8'));
            return (0,json/* listOf */.c3)(tags).filter((tag) => typeof tag === 'string');
        }),
    };
}
function manifestLine({ repository }, which) {
    return { path: `/v2/${repository}/manifests/${which}`, headers: { accept: IMAGE_MANIFEST } };
}
function openClient(options) {
    const own = (0,http/* openConnection */.J)(options);
    let requests = 0;
    const connection = {
        ...own,
        roundTrip(request) {
            requests += 1;
            return own.roundTrip(request);
        },
    };
    const find = (registry, repository) => (0,keychain/* findLogin */.B7)(registry, repository, options);
    const authorization = (0,registry_authorization/* openAuthorization */.W)(connection, find, options.clock ?? clock/* systemClock */.m);
    return { connection, authorization, requests: () => requests };
}


/***/ })

};
