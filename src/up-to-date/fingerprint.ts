import { createHash } from 'node:crypto'
import type { CountedTexts } from '../runner/counted-inputs.js'
import type { ResolvedPart } from '../runner/input-spec.js'

/** One thing that a result depends on. */
export interface Part {
  /** A noun, for a person. */
  readonly name: string
  /** SHA-256 of its value, hexadecimal. */
  readonly digest: string
}

/** Everything that a result depends on: equal parts, equal image. */
export type Fingerprint = readonly Part[]

/** A label or an annotation; the value is undefined if the commit or the time alone may change it. */
export interface Described {
  readonly name: string
  readonly value: string | undefined
}

/** What the parts are made of. */
export interface FingerprintFacts {
  /** What builds, with its version: `Buildah 1.43.2`. */
  readonly engine: string
  /** `linux/amd64` */
  readonly platform: string
  readonly format: string
  /** Index of the stage that is built. */
  readonly target: number
  /** Bytes of the Dockerfile, and of what says which of its frontends reads it. */
  readonly dockerfile: Buffer
  /** All that were given, with their values. */
  readonly buildArgs: ReadonlyMap<string, string>
  readonly labels: readonly Described[]
  readonly annotations: readonly Described[]
  /** Images as they are named, each with the digest that the name has in its registry now; undefined until it is known. */
  readonly bases: ReadonlyMap<string, string> | undefined
  /** Texts of the files by which the engine knows registries, in the order in which it reads them. */
  readonly registriesConf: readonly string[]
  /** Digest over what can be copied from the context or is mounted. */
  readonly context: string
  /** The same of further build contexts, by their names; of those that are images, which ones. */
  readonly contexts: ReadonlyMap<string, string>
  readonly inputs: CountedTexts
  /** Of the environment, by the names of their variables. */
  readonly proxies: ReadonlyMap<string, string>
  /** SOURCE_DATE_EPOCH, '' if it isn't set. */
  readonly epoch: string
}

/** Counts what is compared, and how: with another number, what was remembered before is another fingerprint. */
const GRAMMAR = '9'

type Values = readonly (string | Buffer)[]

/** The parts of a fingerprint, in the order in which a difference is told. Pure. */
export function fingerprintOf(facts: FingerprintFacts): Fingerprint {
  const parts = {
    // How all this is compared.
    'comparison version': [GRAMMAR],
    // Another engine, or another version of it, may make another image of the same.
    engine: [facts.engine],
    // Base images and RUN steps are those of the processor.
    platform: [facts.platform],
    // OCI's or Docker's manifest and configuration.
    format: [facts.format],
    // Which stage it is; all of them are in the Dockerfile.
    target: [String(facts.target)],
    // Every byte: what a comment is, only the engine knows.
    Dockerfile: [facts.dockerfile],
    // Their order doesn't count, and an argument that isn't used might be by an image's ONBUILD.
    'build arguments': sorted([...facts.buildArgs].map(([name, value]) => `${name}=${value}`)),
    // One that is gone would stay in an image that is only given other ones.
    'label names': [
      ...sorted(facts.labels.map(({ name }) => `label ${name}`)),
      ...sorted(facts.annotations.map(({ name }) => `annotation ${name}`)),
    ],
    // Those of the user and those of the default, as the image gets them; of those that name the commit, that they are there.
    labels: sorted(facts.labels.map(textOf)),
    // The same of the manifest.
    annotations: sorted(facts.annotations.map(textOf)),
    // What FROM, COPY --from and RUN --mount=from= point to at this moment.
    ...(facts.bases && { 'base images': sorted([...facts.bases].map(([name, digest]) => `${name}@${digest}`)) }),
    // Short names, mirrors and blocked registries: which image a name stands for, and what is asked for it.
    'registries.conf': facts.registriesConf,
    // What COPY, ADD and mounts of the stages that the target needs can reach, behind the ignore file.
    context: [facts.context],
    // The same of each further context.
    'build contexts': sorted([...facts.contexts].map(([name, digest]) => `${name} ${digest}`)),
    // Those that are compared as they are, each by its own name.
    ...facts.inputs,
    // What Buildah hands to RUN steps of its own environment.
    proxies: [...facts.proxies].flat(),
    // The times in the image.
    SOURCE_DATE_EPOCH: [facts.epoch],
  } satisfies Readonly<Record<ResolvedPart, Values>> & Readonly<Record<string, Values>>
  return Object.entries<Values>(parts).map(([name, values]) => ({ name, digest: digestOf(values) }))
}

/** What an image says of itself, and nothing that it is made of. */
const SAYINGS: readonly string[] = ['labels', 'annotations']

/**
 * What an image of the one can be given to be one of the other, since they differ in nothing else: `labels`,
 * `annotations`. Pure.
 * @returns none if they differ in more, or in nothing
 */
export function differingSayings(before: Fingerprint, now: Fingerprint): string[] {
  const [sayings, others] = [true, false].map((isSaying) =>
    now.filter(({ name }) => SAYINGS.includes(name) === isSaying),
  )
  if (firstDifference(before, others ?? []) !== undefined) return []
  return (sayings ?? []).filter((part) => firstDifference(before, [part]) !== undefined).map(({ name }) => name)
}

/** The first part of `now` that differs, undefined if none does. Pure. */
export function firstDifference(before: Fingerprint, now: Fingerprint): string | undefined {
  const digests = new Map(before.map(({ name, digest }) => [name, digest]))
  return now.find(({ name, digest }) => digests.get(name) !== digest)?.name
}

/** No name has a = in it, so that one without a value is no other one with an empty value. */
function textOf({ name, value }: Described): string {
  return value === undefined ? name : `${name}=${value}`
}

function sorted(list: readonly string[]): string[] {
  return [...list].sort()
}

/** The length before each value keeps two lists apart that have the same characters. */
function digestOf(values: Values): string {
  const hash = createHash('sha256')
  for (const value of values) hash.update(`${Buffer.byteLength(value)}:`).update(value)
  return hash.digest('hex')
}
