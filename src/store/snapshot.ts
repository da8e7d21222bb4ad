// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { endianness } from 'node:os'
import type { LiveIndicators } from './live-indicators.ts'
import type { LoadedSnapshot, SnapshotMark } from './messages.ts'
import { readSnapshot, snapshotPath, writeSnapshot } from './snapshot-file.ts'

/** What stands in the first piece. The others are as the processor keeps them. */
type Head = SnapshotMark & { readonly endianness: string }

/**
 * Fills the indicators from what was saved; null, and they stay empty, when there is nothing that can be used. All that
 * it holds can be told from the index as well, so whatever is wrong with it is only said, to `onUnusable`.
 */
export function loadSnapshot(
  stateDir: string,
  live: LiveIndicators,
  onUnusable: (repair: string) => void,
): LoadedSnapshot | null {
  const path = snapshotPath(stateDir)
  try {
    const pieces = readSnapshot(path)
    return pieces === null ? null : load(pieces, live)
  } catch (error) {
    live.clear()
    onUnusable(`${path} was not used, so that the start took longer (${(error as Error).message})`)
    return null
  }
}

function load([first = new Uint8Array(0), ...pieces]: Uint8Array<ArrayBuffer>[], live: LiveIndicators): LoadedSnapshot {
  const { endianness: written, ...mark } = JSON.parse(Buffer.from(first).toString()) as Head
  if (written !== endianness()) throw new Error('it comes from another kind of machine')
  live.load(pieces)
  return { ...mark, oldestAt: live.findOldestAt() }
}

/**
 * Saves the indicators, which stand for the mark. Nothing may be added to them until `onSaved` is called, or this ends;
 * false when that would be after the deadline (monotonic ms), and nothing was saved. Throws the system's error.
 */
export function saveSnapshot(
  stateDir: string,
  live: LiveIndicators,
  mark: SnapshotMark,
  options: { deadline: number; onSaved: () => void },
): Promise<boolean> {
  const head: Head = { ...mark, endianness: endianness() }
  function* pieces(): Generator<Uint8Array> {
    yield Buffer.from(JSON.stringify(head))
    yield* live.save()
  }
  return writeSnapshot(snapshotPath(stateDir), pieces(), { deadline: options.deadline, onPieces: options.onSaved })
}
