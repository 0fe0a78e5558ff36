import { readFile } from 'node:fs/promises'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { countedTexts } from '../runner/counted-inputs.js'
import type { Pair } from '../runner/input-parsers.js'
import { unreadEpoch, withoutEpoch } from '../runner/timestamp-input.js'
import { describeInLine } from '../errors.js'
import { formatPlatform } from '../lib/platform.js'
import { targetPlatform } from '../runner/platform-inputs.js'
import { argumentsOf } from '../source/analysis.js'
import { proxiesIn } from './proxies.js'
import type { Bases, Unknown } from './base-digests.js'
import { type Described, type Fingerprint, fingerprintOf } from './fingerprint.js'
import type { ComparisonRequest } from './request.js'

/**
 * The fingerprint of what is asked for.
 * @param bases undefined until they are known
 */
export async function fingerprint(
  request: ComparisonRequest,
  bases: Bases['digests'] | undefined,
): Promise<Fingerprint | Unknown> {
  const { inputs, source, found, inspection, format, ofCommit } = request
  const { env } = found
  const labels = described(request.labels, ofCommit.labels)
  const annotations = described(request.annotations, ofCommit.annotations)
  try {
    const [digests, dockerfile] = await Promise.all([
      inspection.digests(found.traits.keepsExcludedFolders),
      readFile(source.file),
    ])
    return fingerprintOf({
      engine: found.engine.label,
      platform: formatPlatform(targetPlatform(inputs)),
      format,
      dockerfile,
      bases,
      labels,
      annotations,
      context: digests.context,
      contexts: digests.contexts,
      buildArgs: argumentsOf(withoutEpoch(inputs), env),
      epoch: unreadEpoch(inputs.timestamp, env),
      registriesConf: request.baseNames.configuration,
      target: targetIndex(source.dockerfile, source.target),
      inputs: countedTexts(inputs),
      proxies: proxiesIn(env),
    })
  } catch (error) {
    return { why: describeInLine(error) }
  }
}

/** Another commit that changes nothing gives no other image: it keeps what it says of the one that it was built of. */
function described(pairs: readonly Pair[], ofCommit: ReadonlySet<string>): Described[] {
  return pairs.map(({ name, value }) => ({ name, value: ofCommit.has(name) ? undefined : value }))
}
