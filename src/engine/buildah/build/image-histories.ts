import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { isObject, listOf, parseObject } from '../../../lib/json.js'
import { textOfPlain } from '../../../lib/plain-file.js'
import type { Driver } from '../../work-dir.js'

/** A step of an image, as its configuration has it. */
export interface HistoryEntry {
  /** What made it: `/bin/sh -c make`, `/bin/sh -c #(nop) ENV A=1`. */
  readonly createdBy: string
  /** All of it; equal for the same step of the same build alone, since its time is in it. */
  readonly text: string
}

/** Histories of images by their ids, the lowest entry first. */
export type Histories = ReadonlyMap<string, readonly HistoryEntry[]>

/** An image of a thousand steps has a configuration of half a mebibyte. */
const MAX_CONFIG = 16 * 2 ** 20

/** Where containers/storage keeps what it knows of the images of a storage root, each in a folder named by its id. Pure. */
export function imagesFolder(root: string, driver: Driver): string {
  return join(root, driver === 'vfs' ? 'vfs-images' : 'overlay-images')
}

/**
 * Reads the histories of images in a storage root. What can't be read, or doesn't match its id, is left out. Never rejects.
 * @param wanted ids of the images, or the first characters of them
 */
export async function readHistories(root: string, driver: Driver, wanted: readonly string[]): Promise<Histories> {
  const folder = imagesFolder(root, driver)
  const names = await readdir(folder).catch(() => [])
  const found = names.filter((name) => /^[0-9a-f]{64}$/.test(name) && wanted.some((start) => name.startsWith(start)))
  const read = await Promise.all(found.map(async (id) => [id, await readHistory(folder, id)] as const))
  return new Map(read.flatMap(([id, history]) => (history === undefined ? [] : [[id, history]])))
}

async function readHistory(folder: string, id: string): Promise<HistoryEntry[] | undefined> {
  const config = await textOfPlain(join(folder, id, `=${Buffer.from(`sha256:${id}`).toString('base64')}`), MAX_CONFIG)
  if (config === undefined || createHash('sha256').update(config).digest('hex') !== id) return undefined
  return listOf(parseObject(config)['history']).map((entry) => ({
    createdBy: stripVTControlCharacters(isObject(entry) ? String(entry['created_by']) : ''),
    text: JSON.stringify(entry),
  }))
}
