import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Entries, Stored } from '../../../src/cache/backends/entries.js'
import type { Image, Index, Layer } from '../../../src/cache/containers-storage/index.js'
import { mountsFolder } from '../../../src/cache/containers-storage/cache-mounts.js'
import { findTools } from '../../../src/cache/containers-storage/archive.js'
import type { ImageRecord, LayerRecord } from '../../../src/cache/containers-storage/records.js'
import type { Workplace } from '../../../src/cache/containers-storage/restore.js'
import { carryOut, planSave } from '../../../src/cache/backends/archives-save.js'
import type { StagingOptions } from '../../../src/cache/backends/parts.js'
import type { Run, Saved } from '../../../src/cache/cache.js'
import type { SaveJob, SavePlan } from '../../../src/cache/snapshot.js'
import { withSnapshot } from '../../../src/cache/snapshots.js'
import type { ContainersStorage } from '../../../src/build-storage.js'
import { temporaryFolder } from '../helpers.js'

export const NOW = Date.UTC(2026, 0, 31)
export const DAY = 24 * 60 * 60 * 1000

const names = new Map<string, string>()

/** An id made of a name, which `namesOf()` finds again. */
export function hex(name: string): string {
  const id = createHash('sha256').update(name).digest('hex')
  names.set(id, name)
  return id
}

/** Records, or what has records, by the names that their ids were made of; `i` before those of images is left out. */
export function namesOf(records: Iterable<{ readonly id: string } | { readonly record: { readonly id: string } }>) {
  return [...records].map((one) => {
    const id = 'record' in one ? one.record.id : one.id
    return (names.get(id) ?? id).replace(/^i:/, '')
  })
}

export function layerOf(name: string, parent?: string, size = 1000): LayerRecord {
  return { id: hex(name), ...(parent !== undefined && { parent: hex(parent) }), 'diff-size': size }
}

/** One that is packed into a part of its own. */
export function bigLayerOf(name: string, parent?: string): LayerRecord {
  return layerOf(name, parent, 5 * 2 ** 20)
}

export function imageOf(name: string, layer: string | undefined, tags?: readonly string[]): ImageRecord {
  return { id: hex(`i:${name}`), ...(layer !== undefined && { layer: hex(layer) }), ...(tags && { names: tags }) }
}

/** The layer as an index has it. */
export function keptLayer(name: string, parent?: string, part = `p${name}`, size = 1000): Layer {
  return { record: layerOf(name, parent, size), part: part === '' ? '' : hex(part) }
}

/** The image of a step as an index has it, its key named like its layer. */
export function keptStep(name: string, layer: string, changes: Partial<Image> = {}): Image {
  const record = imageOf(name, layer)
  return {
    record,
    part: hex(`p${layer}`),
    key: hex(`k${name}`),
    content: undefined,
    used: NOW - DAY,
    seconds: 2,
    ...changes,
  }
}

export function keptPulled(name: string, layer: string, tags: readonly string[], changes: Partial<Image> = {}): Image {
  const record = imageOf(name, layer, tags)
  return { record, part: hex(`p${layer}`), key: undefined, content: undefined, used: NOW - DAY, seconds: 0, ...changes }
}

/** An index in which every part that something names is there, 100 bytes each. */
export function indexOf(changes: Partial<Index>): Index {
  const { layers = [], images = [] } = changes
  const parts = new Set([...layers, ...images].map(({ part }) => part))
  return {
    ...{ buildah: '1.33.7', layout: 'overlay-root', layers, images, mounts: undefined, pushed: [], memory: [] },
    parts: [...parts].filter((part) => part !== '').map((sha256) => ({ sha256, bytes: 100 })),
    ...changes,
  }
}

/** A base image of one layer and a chain of steps on it: what a first run of three steps leaves. */
export function threeSteps(changes: Partial<Index> = {}): Index {
  return indexOf({
    layers: [keptLayer('base'), keptLayer('1', 'base'), keptLayer('2', '1'), keptLayer('3', '2')],
    images: [
      keptPulled('base', 'base', ['docker.io/library/alpine:3.20']),
      ...[keptStep('1', '1'), keptStep('2', '2'), keptStep('3', '3')],
    ],
    ...changes,
  })
}

export function storeOf(changes: Partial<ContainersStorage> = {}): ContainersStorage {
  const folder = changes.folder ?? temporaryFolder()
  for (const name of ['parts', 'tmp', 'root', 'data']) mkdirSync(join(folder, name), { recursive: true })
  return {
    kind: 'root',
    layout: 'overlay-root',
    version: '1.33.7',
    enter: [],
    env: { PATH: process.env['PATH'] ?? '' },
    folder,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    foreign: false,
    ...changes,
  }
}

/** A staging directory with its tools; as many as there are jobs. */
export async function placeOf(entries: Entries, changes: Partial<ContainersStorage> = {}): Promise<Workplace> {
  const store = storeOf(changes)
  const stagingDir = temporaryFolder()
  const tools = await findTools(store)
  if (typeof tools === 'string') throw new Error(tools)
  return { entries, tools, store, stagingDir: bind(entries, stagingDir) }
}

/** A service without entries, and an empty root to save from. */
export async function emptyPlace(): Promise<{ entries: MemoryEntries; place: Workplace; root: string }> {
  const entries = new MemoryEntries()
  const place = await placeOf(entries)
  return { entries, place, root: join(place.store.folder, 'root') }
}

/** What a run leaves, as main writes it down. */
export function jobOf({ run, ...changes }: Partial<Omit<SaveJob, 'run'>> & { readonly run?: Partial<Run> }): SaveJob {
  return {
    ...{
      backend: { kind: 'github' },
      storage: storeOf(),
      root: '/unused',
      scope: 'scope',
      ref: 'refs/heads/main',
      unique: '1-1-a',
    },
    ...{ indexes: [], packed: [], mounts: false, deadlineMs: 60_000, reported: [] },
    limits: { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 31, perKey: 1 },
    ...changes,
    run: { steps: [], ours: [], pushed: undefined, failed: false, ...run },
  }
}

/** Saves at once, however much it is. */
export async function saveFrom(job: SaveJob, place: StagingOptions): Promise<Saved & { plan: SavePlan<unknown> }> {
  return await withSnapshot(job.storage, new Map(), async (snapshot) => {
    const plan = await planSave(snapshot, job, place.stagingDir)
    return { ...(await carryOut(plan, snapshot.format, job, place)), plan }
  })
}

function bind(entries: Entries, stagingDir: string): string {
  if (entries instanceof MemoryEntries) entries.stagingDir = stagingDir
  return stagingDir
}

/**
 * Stands for a cache service at the edge of the network: entries by key, each with the path that it was stored from.
 * As the service does, it never gives an entry to who asks with another path, and finds keys by how they begin.
 */
export class MemoryEntries implements Entries {
  /** Of the job that talks to it just now. */
  stagingDir = ''
  readonly stored = new Map<string, { readonly path: string; readonly content: Buffer }>()
  /** Keys that somebody else has reserved, and never stored. */
  readonly blocked = new Set<string>()
  /** Says no to everything that is stored under such a key. */
  refuses: (key: string) => boolean = () => false
  readonly fetches: string[] = []
  readonly stores: string[] = []
  private readonly busy = new Set<string>()

  async fetch(key: string, path: string, deadlineMs = Infinity): Promise<string | undefined> {
    this.fetches.push(key)
    if (this.busy.has(path)) throw new Error(`two requests at a time with the path ${path}`)
    this.busy.add(path)
    await new Promise((resolve) => setTimeout(resolve, 2))
    this.busy.delete(path)
    const found = deadlineMs > 0 ? this.find(key, path) : undefined
    if (found === undefined) return undefined
    mkdirSync(dirname(join(this.stagingDir, path)), { recursive: true })
    writeFileSync(join(this.stagingDir, path), this.stored.get(found)?.content ?? '')
    return found
  }

  isStopped(): boolean {
    return false
  }

  has(key: string, path: string, deadlineMs = Infinity): Promise<boolean> {
    return Promise.resolve(deadlineMs > 0 && this.find(key, path) !== undefined)
  }

  store(key: string, path: string, deadlineMs = Infinity): Promise<Stored> {
    this.stores.push(key)
    if (deadlineMs <= 0 || this.refuses(key)) return Promise.resolve('failed')
    if (this.blocked.has(key) || this.stored.has(key)) return Promise.resolve('taken')
    this.stored.set(key, { path, content: readFileSync(join(this.stagingDir, path)) })
    return Promise.resolve('stored')
  }

  counts = () => ({ requests: this.fetches.length + 2 * this.stores.length, failures: 0 })
  failures = () => []
  close = () => undefined

  /** Flips a bit in the middle of an entry. */
  damage(key: string): void {
    const entry = this.stored.get(key)
    if (entry === undefined) throw new Error(`no entry ${key}`)
    const content = Buffer.from(entry.content)
    const middle = content.length >> 1
    content[middle] = (content[middle] ?? 0) ^ 1
    this.stored.set(key, { ...entry, content })
  }

  private find(key: string, path: string): string | undefined {
    const matching = [...this.stored].filter(([name, entry]) => name.startsWith(key) && entry.path === path)
    return matching.at(-1)?.[0]
  }
}

/** Writes a layer into an overlay root as Buildah leaves it. @param files contents by path */
export function writeLayer(root: string, { id }: LayerRecord, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(root, 'overlay', id, 'diff'), { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'overlay', id, 'diff', path)), { recursive: true })
    writeFileSync(join(root, 'overlay', id, 'diff', path), content)
  }
  mkdirSync(join(root, 'overlay-layers'), { recursive: true })
  writeFileSync(join(root, 'overlay-layers', `${id}.tar-split.gz`), `split of ${id}`)
}

export function writeImage(root: string, { id }: ImageRecord): void {
  mkdirSync(join(root, 'overlay-images', id), { recursive: true })
  writeFileSync(join(root, 'overlay-images', id, 'manifest'), `manifest of ${id}`)
}

export function writeRecords(root: string, layers: readonly unknown[], images: readonly unknown[]): void {
  mkdirSync(join(root, 'overlay-layers'), { recursive: true })
  mkdirSync(join(root, 'overlay-images'), { recursive: true })
  writeFileSync(join(root, 'overlay-layers/layers.json'), JSON.stringify(layers))
  writeFileSync(join(root, 'overlay-images/images.json'), JSON.stringify(images))
}

/** Adds layers and images to a root, files and records. */
export function grow(root: string, layers: readonly LayerRecord[], images: readonly ImageRecord[]): void {
  const read = (path: string): unknown[] =>
    existsSync(join(root, path)) ? (JSON.parse(readFileSync(join(root, path), 'utf8')) as unknown[]) : []
  for (const layer of layers) writeLayer(root, layer, { [`etc/${layer.id.slice(0, 6)}`]: `of ${layer.id}` })
  for (const image of images) writeImage(root, image)
  const before = [read('overlay-layers/layers.json'), read('overlay-images/images.json')] as const
  writeRecords(root, [...before[0], ...layers], [...before[1], ...images])
}

/** All that lies below a folder: type, mode, owner, size, times, content, links and attributes, by path in bytes. */
export function listing(folder: string): string[] {
  const script = `
import os, sys, hashlib
root = os.fsencode(sys.argv[1])
seen = {}
def show(path):
    s = os.lstat(path)
    rel = os.path.relpath(path, root)
    attributes = sorted((n, os.getxattr(path, n, follow_symlinks=False)) for n in os.listxattr(path, follow_symlinks=False))
    content = b''
    if os.path.islink(path): content = os.readlink(path)
    elif os.path.isfile(path): content = hashlib.sha256(open(path, 'rb').read()).hexdigest().encode()
    twin = seen.setdefault((s.st_dev, s.st_ino), rel)
    size = 0 if os.path.isdir(path) else s.st_size
    print(repr((rel, oct(s.st_mode), s.st_uid, s.st_gid, size, s.st_mtime_ns, s.st_rdev, content, attributes, twin)))
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)): show(os.path.join(path, name))
show(root)
`
  return execFileSync('python3', ['-c', script, folder], { encoding: 'utf8' }).trimEnd().split('\n')
}

export type ForgedEntry = readonly [name: string, kind: 'file' | 'link' | 'hardlink' | 'folder', target?: string]

/** Writes an archive with any names, which tar itself would refuse to write. */
export function forge(file: string, entries: readonly ForgedEntry[]): void {
  const script = `
import io, json, sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
    for name, kind, target in json.loads(sys.argv[2]):
        info = tarfile.TarInfo(name)
        info.type = {'file': tarfile.REGTYPE, 'link': tarfile.SYMTYPE, 'hardlink': tarfile.LNKTYPE, 'folder': tarfile.DIRTYPE}[kind]
        info.mode = 0o755
        info.linkname = target or ''
        info.size = 4 if kind == 'file' else 0
        tar.addfile(info, io.BytesIO(b'evil'))
`
  const list = JSON.stringify(entries.map(([name, kind, target]) => [name, kind, target ?? '']))
  execFileSync('python3', ['-c', script, `${file}.plain`, list])
  execFileSync('zstd', ['-q', '-f', '--rm', `${file}.plain`, '-o', file])
}

/** What a cache mount leaves, in the folder where the Buildah of a store keeps them. */
export function writeMount(store: ContainersStorage, name: string, content: string): void {
  const folder = join(store.folder, 'tmp', mountsFolder(store), name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'file'), content, { mode: 0o640 })
}
