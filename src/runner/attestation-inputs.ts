import { parse } from 'csv-parse/sync'
import { describe, UserError } from '../errors.js'
import type { Env } from '../exec.js'
import { csv } from '../lib/csv.js'
import { formatReference, parseReference } from '../metadata/reference.js'
import { type InputReader, type Pair, refuse } from './input-parsers.js'
import { type DockerRefusal, input } from './input-spec.js'

/** What the input `provenance` asks for. */
export interface ProvenanceOptions {
  /** `max` also has the values of build arguments, the Dockerfile and the build steps. */
  readonly mode: 'min' | 'max'
  /** Of the SLSA predicate. */
  readonly version: 'v1' | 'v0.2'
  /** Who built, as a URI: the URL of the run by default; '' where the runner names no run. */
  readonly builderId: string
  /** Whether archives of `outputs` go without it. */
  readonly inlineOnly: boolean
  /** Whether it says that the same input gives the same image. */
  readonly reproducible: boolean
  /** The attributes as they were given, one line of CSV; '' for none. */
  readonly given: string
}

/** What the input `sbom` asks for. */
export interface SbomOptions {
  /** Full name of the image that makes it. */
  readonly generator: string
  /** Attributes for the generator, by their names. */
  readonly parameters: readonly Pair[]
  /** The attributes as they were given, one line of CSV; '' for none. */
  readonly given: string
}

/** BuildKit's own. */
const DEFAULT_GENERATOR = 'docker/buildkit-syft-scanner:stable-1'
const [TRUE, FALSE] = [/^(1|t|true)$/i, /^(0|f|false)$/i]
const PROVENANCE_HINT =
  'Write `provenance: true`, or attributes: `provenance: mode=min,version=v1,builder-id=https://example.com/builders/1`.'
const SBOM_HINT =
  'Write `sbom: true`, or name the image that makes it: `sbom: generator=docker/buildkit-syft-scanner:1`.'

/** By the daemon's own builder, which makes no index. */
function refusedInDaemon<T>(example: string): DockerRefusal<T | undefined> {
  return {
    refusedBy: ['buildx-docker'],
    asks: (options) => options !== undefined,
    example,
    why: 'attaches nothing to an image',
    hint: 'Set up Docker Buildx with its own builder in an earlier step (docker/setup-buildx-action), or write `engine: buildah`.',
  }
}

/** What is attached to an image that is pushed: it is another index then, of the same image. */
export const ATTESTATION_INPUTS = {
  provenance: input('provenance', provenance, {
    affects: 'image',
    counts: (options) => (options === undefined ? [] : [options.given]),
    docker: refusedInDaemon<ProvenanceOptions>('mode=min'),
  }),
  sbom: input('sbom', sbom, {
    affects: 'image',
    counts: (options) => (options === undefined ? [] : [options.given]),
    // Before, a RUN step mounts no other image.
    buildah: { since: '1.28.0', asks: (options) => options !== undefined },
    docker: refusedInDaemon<SbomOptions>('true'),
  }),
}

/** What is asked for of all this. */
export interface AttestationInputs {
  readonly provenance: ProvenanceOptions | undefined
  readonly sbom: SbomOptions | undefined
}

/** Reads the input `provenance`, with the attributes of BuildKit. @throws UserError for one that BuildKit doesn't have */
function provenance(read: InputReader, name: string, env: Env): ProvenanceOptions | undefined {
  const found = attributesOf(read, name, PROVENANCE_HINT)
  if (found === undefined) return undefined
  const { attributes, given } = found
  const wrong = (got: string, allowed: string) => refuse(name, got, allowed, PROVENANCE_HINT)
  const valueOf = (key: string) => attributes.find((one) => one.name === key)?.value
  const whether = (key: string) => {
    const value = valueOf(key) ?? 'false'
    if (!TRUE.test(value) && !FALSE.test(value)) throw wrong(`${key}=${value}`, 'Allowed: true, false.')
    return TRUE.test(value)
  }
  const known = ['mode', 'version', 'builder-id', 'inline-only', 'reproducible']
  const strange = attributes.find((one) => !known.includes(one.name))
  if (strange !== undefined) throw wrong(strange.name, `Known attributes: ${known.join(', ')}.`)
  const mode = valueOf('mode') ?? 'max'
  if (!['min', 'max', 'full'].includes(mode)) throw wrong(`mode=${mode}`, 'Allowed: min, max.')
  const version = valueOf('version') ?? 'v1'
  if (version !== 'v1' && version !== 'v0.2') throw wrong(`version=${version}`, 'Allowed: v1, v0.2.')
  return {
    mode: mode === 'min' ? 'min' : 'max',
    version,
    builderId: valueOf('builder-id') ?? runUrl(env),
    inlineOnly: whether('inline-only'),
    reproducible: whether('reproducible'),
    given,
  }
}

/** Reads the input `sbom`. @throws UserError */
function sbom(read: InputReader, name: string): SbomOptions | undefined {
  const found = attributesOf(read, name, SBOM_HINT)
  if (found === undefined) return undefined
  const { attributes, given } = found
  const generator = attributes.find((one) => one.name === 'generator')?.value ?? DEFAULT_GENERATOR
  const parameters = attributes.filter((one) => one.name !== 'generator')
  // It becomes a line of a Dockerfile, where a variable has such a name.
  const strange = parameters.find((one) => !/^[A-Za-z_]\w*$/.test(one.name))
  if (strange !== undefined)
    throw refuse(name, strange.name, 'Attributes for the generator are names of variables: KEY=value.', SBOM_HINT)
  return { generator: imageName(name, generator), parameters, given }
}

/** Docker Hub's, where no registry stands before it, as BuildKit has it. @throws UserError */
function imageName(input: string, generator: string): string {
  try {
    const { tag, digest, ...name } = parseReference(generator)
    return formatReference({ ...name, ...(digest === undefined ? { tag: tag ?? 'latest' } : { digest }) })
  } catch (error) {
    throw new UserError(
      `Input "${input}": got ${JSON.stringify(`generator=${generator}`)}. ${describe(error)}`,
      SBOM_HINT,
    )
  }
}

/** @returns undefined where nothing is asked for */
function attributesOf(
  read: InputReader,
  name: string,
  hint: string,
): { readonly attributes: readonly Pair[]; readonly given: string } | undefined {
  const text = read(name).trim()
  if (text === '' || FALSE.test(text)) return undefined
  if (TRUE.test(text)) return { attributes: [], given: '' }
  const all = fieldsOf(name, text, hint).map((field): Pair => {
    const [key = '', value] = field.split(/=(.*)/s)
    if (value === undefined || value === '' || /[\r\n\0]/.test(field))
      throw refuse(name, text, 'Allowed: true, false, or attributes KEY=value with commas between them.', hint)
    return { name: key.trim(), value }
  })
  const twice = all.find((one, index) => all.findIndex((other) => other.name === one.name) < index)
  if (twice !== undefined) throw refuse(name, text, `The attribute ${twice.name} is given twice.`, hint)
  // An `attests` line has the two.
  const attributes = all.filter((one) => one.name !== 'disabled')
  if (all.some((one) => one.name === 'disabled' && TRUE.test(one.value))) return undefined
  return { attributes, given: csv(...attributes.map((one) => `${one.name}=${one.value}`)) }
}

function fieldsOf(name: string, text: string, hint: string): string[] {
  try {
    const records: string[][] = parse(text, { relaxColumnCount: true, skipEmptyLines: true, trim: true })
    return records.flat()
  } catch (error) {
    throw new UserError(`Input "${name}": got ${JSON.stringify(text)}. ${describe(error)}`, hint)
  }
}

/** Whether anything is attached to the image, which is an index then. Pure. */
export function isAttested({ provenance, sbom }: AttestationInputs): boolean {
  return provenance !== undefined || sbom !== undefined
}

/** The URL of the attempt of the run, as docker/build-push-action names who built; '' where there is no run. Pure. */
export function runUrl(env: Env): string {
  const { GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run, GITHUB_RUN_ATTEMPT: attempt = '1' } = env
  if (!repository || !run) return ''
  return `${env['GITHUB_SERVER_URL'] || 'https://github.com'}/${repository}/actions/runs/${run}/attempts/${attempt}`
}
