import { readFile } from 'node:fs/promises'
import type { BuildRecordStore } from '../cache/build-records.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { countedTexts } from '../runner/counted-inputs.js'
import type { Inputs } from '../runner/inputs.js'
import { SOURCE_DATE_EPOCH } from '../runner/timestamp-input.js'
import type { BaseNames } from '../engine/base-names.js'
import type { BuildSpec, ResolvedEngine } from '../engine/engine.js'
import type { Pair } from '../runner/input-parsers.js'
import { describeInLine } from '../errors.js'
import type { CommitLabels } from '../metadata/commit.js'
import { platform } from '../lib/platform.js'
import type { Registries } from '../registry/client.js'
import { argumentsOf } from '../source/analysis.js'
import { proxiesIn } from './step-inputs.js'
import type { Bases, Unknown } from './base-digests.js'
import { type Described, type Fingerprint, fingerprintOf } from './fingerprint.js'
import type { Inspection } from './inspection.js'

/** What is compared with what earlier runs have built. */
export interface ComparisonRequest extends BuildSpec {
  /** When the step was started. */
  readonly now: Date
  readonly ofCommit: CommitLabels
  readonly inspection: Inspection
  readonly found: Pick<ResolvedEngine, 'engine' | 'traits' | 'env' | 'ambiguityOf'>
  readonly baseNames: BaseNames
  readonly registries: Registries
  readonly note: BuildRecordStore
  /** What the note of earlier runs says, as far as that is known. */
  readonly remembered: Promise<string | undefined>
}

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
      platform: platform(),
      format,
      dockerfile,
      bases,
      labels,
      annotations,
      context: digests.context,
      contexts: digests.contexts,
      buildArgs: argumentsOf(withoutTime(inputs), env),
      // What it comes to is among the inputs.
      epoch: inputs.timestamp === undefined ? (env[SOURCE_DATE_EPOCH] ?? '') : '',
      registriesConf: request.baseNames.configuration,
      target: targetIndex(source.dockerfile, source.target),
      inputs: countedTexts(inputs),
      proxies: proxiesIn(env),
    })
  } catch (error) {
    return { why: describeInLine(error) }
  }
}

/** The build argument that tells the time of the image is told by the input `timestamp`, which may be that of the commit. */
function withoutTime(inputs: Inputs): Inputs {
  if (inputs.timestamp === undefined) return inputs
  return { ...inputs, buildArgs: inputs.buildArgs.filter(({ name }) => name !== SOURCE_DATE_EPOCH) }
}

/** Another commit that changes nothing gives no other image: it keeps what it says of the one that it was built of. */
function described(pairs: readonly Pair[], ofCommit: ReadonlySet<string>): Described[] {
  return pairs.map(({ name, value }) => ({ name, value: ofCommit.has(name) ? undefined : value }))
}
