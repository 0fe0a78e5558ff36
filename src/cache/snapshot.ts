import type { ContainersStorage, OciLayout } from '../build-storage.js'
import type { Author, Part } from './backends/parts.js'
import type { Ahead, Restored, RestoredStorage, Run, Skeletons } from './cache.js'
import type { Limits } from './containers-storage/retention.js'
import type { ArchiveOptions, DirectoryOptions } from './options.js'
import type { SkeletonTerms } from './skeletons.js'

/** An index says at least which parts it is about. */
export interface IndexOfParts {
  readonly parts: readonly Part[]
}

/**
 * What a build leaves for later ones in a storage of one kind. Backends hold it in two ways: as archives, which are
 * unpacked into an empty root; or as the root itself, in which nothing is packed, and nothing copied.
 */
export interface Snapshot<Index extends IndexOfParts> {
  /** Behind the scope in the names of its indexes. */
  readonly suffix: string
  /** @throws Error that says what is wrong with the text */
  readonly parse: (text: string) => Index
  readonly format: (index: Index) => string
  /** Why an index is of no use here; '' if that is as it should be, undefined when it is of use. */
  incompatibleReason(index: Index, limits: Limits): string | undefined
  /**
   * Fills an empty root. Never rejects.
   * @param indexes that of the own ref first
   * @param terms undefined where every layer is needed whole
   */
  unpack(
    indexes: readonly Index[],
    root: string,
    options: ArchiveOptions,
    terms?: SkeletonTerms,
  ): Promise<Unpacked<Index>>
  empty(root: string): Promise<void>
  /**
   * Packs in a root what is finished there while the build goes on; where it isn't there, all is packed at the end.
   * @param stagingDir where archives are left, by the names of their parts
   * @param onPacked is called for each of them when it lies there
   */
  packAhead?(root: string, indexes: readonly Index[], stagingDir: string, onPacked: (part: Part) => void): PackingAhead
  /** Works out what of a root is new. @param stagingDir where archives are left, by the names of their parts */
  plan(job: SaveJob, indexes: readonly Index[], stagingDir: string): Promise<SavePlan<Index>>
  /** Name of its folder behind the scope: it tells apart what can't be mixed. */
  readonly folder: string
  /**
   * Has a root in a folder that stays show the build what it may use.
   * @throws Error when the folder can't be used
   */
  arrange(place: DirectoryOptions & { readonly folder: string }): Promise<Arranged>
}

export interface Unpacked<Index> {
  readonly restored: Restored
  /** What the next index is made from. */
  readonly indexes: readonly Index[]
  /** Whether there is nothing in the root that could disturb a build. */
  readonly isEmpty: boolean
  changedBaseImages(): Promise<readonly string[]>
  /** SHA-256 of the parts that came. */
  readonly fetched?: readonly string[]
  readonly skeletons?: Omit<Skeletons, 'replace'> | undefined
}

/** What was packed before the build was over, or the push. */
export interface PackedGroup {
  /** Of the layers and images in it, as its archive has them. */
  readonly ids: readonly string[]
  readonly part: Part
  /** Whether it was sent as well. */
  readonly isSent?: boolean
}

export interface PackingAhead extends Pick<Ahead, 'look' | 'stop'> {
  /** Ends what is under way. @returns what is packed; of everything else nothing is left */
  close(): Promise<readonly PackedGroup[]>
}

export interface Arranged extends Pick<RestoredStorage, 'root' | 'restored' | 'changedBaseImages' | 'clear'> {
  /** Writes down what the build has left. @throws Error when it isn't saved */
  save(run: Run): Promise<void>
}

/** What a run leaves for the next ones; it can be written down and carried out later. */
export interface SaveJob extends Author {
  readonly backend: ArchiveOptions['backend']
  readonly storage: ContainersStorage | OciLayout
  readonly root: string
  /** What was found before the build, of this ref first, as texts. */
  readonly indexes: readonly string[]
  readonly run: Run
  /** Lies in the staging directory. */
  readonly packed: readonly PackedGroup[]
  /** Whether what cache mounts left is saved too. */
  readonly mounts: boolean
  /** Whether skeletons of layers are saved beside them. */
  readonly bundles?: boolean
  /** Ids of layers that came back as skeletons, and so have no content here. */
  readonly hollow?: readonly string[]
  /** SHA-256 of the parts that were fetched. */
  readonly fetched?: readonly string[]
  readonly limits: Limits
  readonly deadlineMs: number
  /** What was reported already of the service. */
  readonly reported: readonly string[]
}

/** What of a root is new. */
export interface SavePlan<Index> {
  /** Whether something may have to be written. */
  readonly isDue: boolean
  /** Of what is packed and sent, before compression. */
  readonly bytes: number
  /** Before anything is packed. */
  readonly prepare?: () => Promise<void>
  readonly archives: readonly Archive[]
  /** Parts that are there already, and are not sent. */
  readonly known: ReadonlySet<string>
  /** Parts that this run has sent already. */
  readonly sent: ReadonlySet<string>
  /**
   * The index that says where everything is.
   * @param made what became of each of the archives; undefined for what wasn't taken
   * @returns undefined if it would say nothing new, or what is there is of no use
   */
  index(made: readonly (Part | undefined)[]): Promise<Index | undefined>
  /** What is reported where not everything was taken, in place of the usual. */
  readonly incomplete?: string
}

/** One that is to be packed. */
export interface Archive {
  /** What is in it; absent where it is packed after the push in any case. */
  readonly ids?: readonly string[]
  /** Before compression. */
  readonly bytes: number
  /** Leaves it in the staging directory. @returns undefined if there is nothing to pack */
  pack(): Promise<Part | undefined>
}
