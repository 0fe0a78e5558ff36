import { manifestsOf } from './imagetools.js'
import { getBlob, getManifest } from './registry-client.js'

/** An in-toto statement. */
export interface Statement {
  readonly predicateType: string
  readonly predicate: Readonly<Record<string, unknown>>
  readonly subject: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[]
}

/** What is attached to the images of an index, in its order. @param reference in a registry without a login */
export async function statementsOf(reference: string): Promise<Statement[]> {
  const repository = reference.replace(/:[^:/]*$/, '')
  const entries = manifestsOf((await getManifest(reference)).bytes).filter(({ platform }) => platform.os === 'unknown')
  const manifests = await Promise.all(entries.map(({ digest }) => getManifest(`${repository}@${digest}`)))
  const layers = manifests.flatMap(({ bytes }) => {
    const manifest = JSON.parse(bytes.toString()) as { readonly layers: readonly { readonly digest: string }[] }
    return manifest.layers
  })
  const blobs = await Promise.all(layers.map(({ digest }) => getBlob(reference, digest)))
  return blobs.map((blob) => JSON.parse(blob.toString()) as Statement)
}
