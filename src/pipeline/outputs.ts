import { linesOf } from '../runner/input-parsers.js'
import { placedName } from '../metadata/annotation-levels.js'
import { listLabels } from '../metadata/labels.js'
import { tagLines } from '../metadata/metadata.js'
import { formatReference } from '../metadata/reference.js'
import type { Inputs } from '../runner/inputs.js'
import type { Metadata } from './prepare/metadata.js'
import type { Result } from './result.js'

/** The outputs of the step, by their names. What is no text is written as JSON. Pure. */
export function outputsOf(result: Result) {
  const { metadata, built, imageId, pushed, engine, cache, storageConf, descriptor, platformDigests, joined } = result
  const references = metadata.references.map(formatReference)
  const digest = pushed[0]?.digest ?? ''
  return {
    built,
    imageid: imageId,
    digest,
    version: metadata.version,
    tags: tagLines(metadata).join('\n'),
    'tag-names': metadata.tagNames.join('\n'),
    labels: listLabels(metadata.labels),
    annotations: annotationLines(metadata),
    json: metadata.json,
    metadata: {
      ...(imageId !== '' && { 'containerimage.config.digest': imageId }),
      ...(descriptor !== undefined && { 'containerimage.descriptor': descriptor }),
      ...(digest !== '' && { 'containerimage.digest': digest }),
      'image.name': references.join(','),
    },
    pushed: pushed.map((one) => ({
      reference: formatReference(one.reference),
      digest: one.digest,
      registry: one.reference.registry,
    })),
    'platform-digests': platformDigests,
    joined: joined === true,
    engine: engine?.name ?? '',
    'engine-version': engine?.version ?? '',
    rootless: engine?.rootless ?? false,
    'cache-hit': cache.hit,
    'cache-stats': cache.stats,
    'storage-conf': storageConf,
  }
}

/** Each with its place before it. Pure. @param place of those of all manifests */
export function annotationLines(
  { annotations, leveled }: Pick<Metadata, 'annotations' | 'leveled'>,
  place: '' | 'manifest:' = 'manifest:',
): string {
  const others = new Map(leveled.map((one) => [placedName(one), one.value]))
  return [listLabels(annotations, place), listLabels(others)].filter((text) => text !== '').join('\n')
}

/**
 * What is to be said of outputs that the runner keeps from other jobs, since there is a text in them that it masks;
 * undefined if there are none. It masks every line of a secret, one that is a bracket alone too. Pure.
 */
export function hiddenOutputs(
  outputs: Readonly<Record<string, unknown>>,
  { secrets, login, registryAuth }: Pick<Inputs, 'secrets' | 'login' | 'registryAuth'>,
): string | undefined {
  const texts = Object.entries(outputs).map(([name, value]) => ({
    name,
    text: typeof value === 'string' ? value : JSON.stringify(value),
  }))
  const given = [
    ...secrets.flatMap(({ id, source }) =>
      'value' in source ? [{ of: `the secret ${JSON.stringify(id)}`, text: source.value.reveal() }] : [],
    ),
    ...(login === undefined ? [] : [{ of: 'the input "password"', text: login.password.reveal() }]),
    ...registryAuth.map(({ password }) => ({ of: 'the input "registry-auth"', text: password.reveal() })),
  ]
  const hidden = given.flatMap((secret) => {
    const lines = linesOf(secret.text)
      .map((line) => line.trim())
      .filter((line) => line !== '')
    const names = texts.filter(({ text }) => lines.some((line) => text.includes(line))).map(({ name }) => `"${name}"`)
    return names.length === 0 ? [] : [`${names.join(', ')} (a line of ${secret.of})`]
  })
  if (hidden.length === 0) return undefined
  return `Outputs: GitHub may withhold these from other jobs, since they contain masked text: ${hidden.join('; ')}. To avoid that, pass the secret as a single line that appears nowhere else, such as its base64.`
}
