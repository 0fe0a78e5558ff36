import { systemClock } from '../lib/clock.js'
import { withRetries } from '../lib/retry.js'
import { formatReference } from '../metadata/reference.js'
import { openArtifacts } from './artifacts.js'
import { findBlob, readBlob } from './blobs.js'
import { lookUpManifest, putManifest, readManifest } from './manifest-requests.js'
import { openClient } from './open-client.js'
import { hasReferrersApi } from './referrers.js'
import type { Registries, RegistriesOptions } from './registries.js'
import { reading } from './request.js'
import { openUploadProxy } from './upload-proxy.js'
import { mount, tryPush, upload } from './uploads.js'

export function openRegistries(options: RegistriesOptions): Registries {
  const { clock = systemClock } = options
  const client = openClient(options)
  return {
    resolve: (reference) =>
      withRetries(
        `Lookup of ${formatReference(reference)}`,
        () => lookUpManifest(client, reference, reading(reference)),
        clock,
      ),
    fetchManifest: (reference) =>
      withRetries(
        `Fetch of the manifest ${formatReference(reference)}`,
        () => readManifest(client, reference, reading(reference)),
        clock,
      ),
    putManifest: (reference, manifest) =>
      withRetries(`Tag ${formatReference(reference)}`, () => putManifest(client, reference, manifest), clock),
    mountBlob: (into, digest, from) =>
      withRetries(`Mount of ${digest} into ${formatReference(into)}`, () => mount(client, into, digest, from), clock),
    putBlob: (into, blob) =>
      withRetries(`Upload of ${blob.digest} to ${formatReference(into)}`, () => upload(client, into, blob), clock),
    hasBlob: (reference, digest) =>
      withRetries(
        `Lookup of ${digest} in ${formatReference(reference)}`,
        () => findBlob(client, reference, digest),
        clock,
      ),
    fetchBlob: (reference, digest, limit) =>
      withRetries(
        `Fetch of ${digest} from ${formatReference(reference)}`,
        () => readBlob(client, reference, digest, limit),
        clock,
      ),
    hasReferrersApi: (reference) =>
      withRetries(
        `Lookup of referrers of ${formatReference(reference)}`,
        () => hasReferrersApi(client, reference),
        clock,
      ),
    tryPush: (reference) => tryPush(client, reference),
    openArtifacts: (name, writes) => openArtifacts(options, name, writes),
    openProxy: (repository, layers) => openUploadProxy(client, repository, layers),
    close: () => {
      client.connection.close()
    },
  }
}
