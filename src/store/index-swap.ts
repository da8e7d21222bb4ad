// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { indexDir } from './day-files.ts'

export type IndexFolders = { readonly index: string; readonly fresh: string; readonly old: string }

export function indexFolders(stateDir: string): IndexFolders {
  const index = indexDir(stateDir)
  return { index, fresh: `${index}.new`, old: `${index}.old` }
}

/** Puts the new index, which is whole, in the place of the old one. `settleIndex` makes good an end in between. */
export function swapIndex({ index, fresh, old }: IndexFolders): void {
  renameSync(index, old)
  renameSync(fresh, index)
  rmSync(old, { recursive: true, force: true })
}

/**
 * Brings the folders in order before anybody uses them; true when an index was in no place, since the program ended
 * within `swapIndex`. Only then is there an old one but none in use, and the new one is whole. What an end before or
 * after that left behind is removed: it would be kept for ever.
 */
export function settleIndex(folders: IndexFolders): boolean {
  const { index, fresh, old } = folders
  const isBetween = !existsSync(index) && existsSync(old)
  if (isBetween) renameSync(existsSync(fresh) ? fresh : old, index)
  rmSync(fresh, { recursive: true, force: true })
  rmSync(old, { recursive: true, force: true })
  mkdirSync(index, { recursive: true, mode: 0o700 })
  return isBetween
}
