// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'
import { type LimitKey, sourceKey } from '../reply-limit.ts'
import type { Circumstances, Exchange } from './answer.ts'
import type { Timer, Timers } from './timers.ts'

const COUNT_MAX = 2_000
const PER_SOURCE_MAX = 10 // calls with a port for media, of an IPv4 address or an IPv6 /64
const UNPROVEN_MAX = 100 // such calls of sources that may be forged, all together: the others still find ports
const MEDIA_MS = 30_000 // how long the media of a call is received at most
const UNCONFIRMED_MS = 32_000 // 64 × T1: a call without ACK is over. RFC 3261 §13.3.1.4

/** Where the media of one call arrives, and is thrown away. */
export type MediaSink<Summary> = { readonly port: number; close(): Summary }
export type MediaSinks<Summary> = {
  /** Null when no port is to be had just now. */
  take(circumstances: Circumstances): MediaSink<Summary> | null
}
export type Call = { readonly callId: string; readonly circumstances: Circumstances; readonly mediaPort: number }

export type DialogDeps<Summary> = {
  readonly timers: Timers
  readonly sinks: MediaSinks<Summary>
  /** What came of a call's media, once it is over. */
  readonly onMedia: (call: Call, summary: Summary) => void
}

/** A call that was accepted, or is about to be. RFC 3261 §12. */
export class Dialog {
  readonly key: string
  readonly mediaPort: number
  /** Whether its 200 was sent. */
  isAccepted = false
  isConfirmed = false
  isOver = false
  readonly timers: Timer[] = []
  readonly #endMedia: () => void

  constructor(key: string, mediaPort: number, endMedia: () => void) {
    this.key = key
    this.mediaPort = mediaPort
    this.#endMedia = endMedia
  }

  end(): void {
    this.isOver = true
    for (const timer of this.timers.splice(0)) timer.cancel()
    this.#endMedia()
  }
}

/** The calls accepted lately; the one that began first ends when there are too many. */
export class Dialogs<Summary> {
  readonly #deps: DialogDeps<Summary>
  readonly #open = new Map<string, Dialog>() // oldest first
  readonly #bySource = new Map<LimitKey, number>() // how many of them have a port for media
  readonly #unproven = new Set<Dialog>() // those with one whose source may be forged

  constructor(deps: DialogDeps<Summary>) {
    this.#deps = deps
  }

  get count(): number {
    return this.#open.size
  }

  /** Takes a call; null when there is no port for its media, or its source has begun too many. */
  open({ callId, circumstances }: Exchange): Dialog | null {
    const isUnproven = circumstances.validation === 'none'
    const source = sourceKey(circumstances.source.ip)
    if (isUnproven && this.#unproven.size >= UNPROVEN_MAX) return null
    if ((this.#bySource.get(source) ?? 0) >= PER_SOURCE_MAX) return null
    const sink = this.#deps.sinks.take(circumstances)
    if (sink === null) return null
    let isMediaOver = false
    const endMedia = (): void => {
      if (isMediaOver) return
      isMediaOver = true
      this.#release(dialog, source)
      const summary = sink.close()
      if (dialog.isAccepted) this.#deps.onMedia({ callId, circumstances, mediaPort: sink.port }, summary)
    }
    const dialog = new Dialog(dialogKey(callId, circumstances), sink.port, endMedia)
    this.#open.get(dialog.key)?.end()
    if (this.#open.size >= COUNT_MAX) this.end(this.#open.values().next().value!)
    this.#open.set(dialog.key, dialog)
    this.#bySource.set(source, (this.#bySource.get(source) ?? 0) + 1)
    if (isUnproven) this.#unproven.add(dialog)
    this.#limit(dialog, MEDIA_MS, endMedia)
    this.#limit(dialog, UNCONFIRMED_MS, () => {
      if (!dialog.isConfirmed) this.end(dialog)
    })
    return dialog
  }

  /** The ACK has come, and with it a tag of ours. */
  confirm(dialog: Dialog): void {
    dialog.isConfirmed = true
    this.#unproven.delete(dialog)
  }

  #release(dialog: Dialog, source: LimitKey): void {
    this.#unproven.delete(dialog)
    const count = (this.#bySource.get(source) ?? 0) - 1
    if (count > 0) this.#bySource.set(source, count)
    else this.#bySource.delete(source)
  }

  /** The dialog that a request with a tag of ours belongs to. */
  find({ callId, circumstances, isOwnTag }: Exchange): Dialog | null {
    return isOwnTag ? (this.#open.get(dialogKey(callId, circumstances)) ?? null) : null
  }

  end(dialog: Dialog): void {
    if (this.#open.get(dialog.key) === dialog) this.#open.delete(dialog.key)
    dialog.end()
  }

  /** The request that it came with is not answered with a 200. A call that had been accepted before goes on. */
  refuse(dialog: Dialog): void {
    if (!dialog.isAccepted) this.end(dialog)
  }

  [Symbol.dispose](): void {
    for (const dialog of [...this.#open.values()]) this.end(dialog)
  }

  #limit(dialog: Dialog, ms: number, task: () => void): void {
    const timer = this.#deps.timers.after(ms, task)
    if (timer === null)
      task() // no call goes on without its limits
    else dialog.timers.push(timer)
  }
}

/** Hashed, so that what is kept has one small size, whatever the size of the Call-ID. */
function dialogKey(callId: string, { source }: Circumstances): string {
  return hash('sha256', `${source.ip}\n${source.port}\n${callId}`, 'base64url')
}
