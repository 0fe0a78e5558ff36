import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import type { BuildFacts, Commit, Dependency } from '../../attestation/provenance.js'
import { redact } from '../../attestation/redact.js'
import type { BuildSpec } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { isBelow } from '../../lib/paths.js'
import { formatPlatform, nativePlatform } from '../../lib/platform.js'
import { textsToMask } from '../../lib/secret.js'
import { type ProvenanceOptions, runUrl } from '../../runner/attestation-inputs.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import { targetPlatform } from '../../runner/platform-inputs.js'
import { argumentsOf } from '../../source/analysis.js'

/** What a build was and did, beside what is asked for. */
export interface BuildAccount {
  readonly spec: BuildSpec
  readonly options: ProvenanceOptions
  /** Label of the engine. */
  readonly engine: string
  readonly context: Context
  readonly commit: Commit | undefined
  readonly bases: readonly Dependency[]
  readonly steps: readonly Step[]
  readonly finishedOn: Date
}

/** What the provenance of an image is made of, without any secret of the inputs. */
export async function provenanceFacts(account: BuildAccount): Promise<BuildFacts> {
  const { spec, options, context, steps, ...known } = account
  const { inputs, source, labels } = spec
  const secrets = secretsIn(inputs)
  const clean = (text: string) => redact(text, secrets)
  const cleaned = (values: Iterable<readonly [string, string]>) =>
    new Map([...values].map(([name, value]) => [name, clean(value)]))
  const root = isBelow(source.file, context.workspace) ? context.workspace : source.context
  return {
    ...known,
    mode: options.mode,
    reproducible: options.reproducible,
    builderId: clean(options.builderId),
    buildType: `${context.actionRepository}blob/main/docs/attestations.md`,
    invocation: runUrl(context.env),
    dockerfile: { path: clean(relative(root, source.file)), text: clean(await readFile(source.file, 'utf8')) },
    target: source.target === undefined ? undefined : clean(source.target),
    platform: formatPlatform(targetPlatform(inputs)),
    builderPlatform: formatPlatform(nativePlatform()),
    buildArgs: cleaned(argumentsOf(inputs, context.env)),
    labels: cleaned(labels.map(({ name, value }) => [name, value] as const)),
    secrets: inputs.secrets.map(({ id }) => clean(id)),
    ssh: inputs.ssh.map(({ id }) => clean(id)),
    steps: steps.map(({ text }) => clean(text)),
    startedOn: context.now,
  }
}

/** All that the step was given to keep to itself. */
function secretsIn({ secrets, login, registryAuth, githubToken }: Inputs): string[] {
  const values = secrets.flatMap(({ source }) => ('value' in source ? [source.value] : []))
  const passwords = [login, ...registryAuth].map((one) => one?.password)
  return [...values, ...passwords, githubToken].flatMap((secret) => (secret === undefined ? [] : textsToMask(secret)))
}
