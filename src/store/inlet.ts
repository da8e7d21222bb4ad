// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { MessagePort } from 'node:worker_threads'
import type { Observation } from '../core/event.ts'
import {
  type DatagramToStore,
  datagramRecordSize,
  eventRecordSize,
  writeDatagramRecord,
  writeEventRecord,
} from './record.ts'
import { RingWriter } from './ring.ts'
import { writeShed } from './shed.ts'

/** Bytes that may wait in a ring: half a second of the largest flood. A power of two. */
export const INLET_SIZE = 67_108_864
const DATAGRAM_SIZE_MAX = 65_536 // bytes
/** Above this share of it messages are shortened, so that there is room for more of them. */
const SHED_SHARE = 0.5

/** What another thread needs to hand datagrams to the store. */
export type InletInit = { readonly buffer: SharedArrayBuffer; readonly doorbell: MessagePort }

/** The end of a ring to the store, in the thread that receives. Takes a datagram without waiting, or counts it as lost. */
export class Inlet {
  readonly #ring: RingWriter
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #short = Buffer.alloc(DATAGRAM_SIZE_MAX)

  constructor({ buffer, doorbell }: InletInit) {
    this.#ring = new RingWriter(buffer, () => doorbell.postMessage(null))
    const { byteOffset, length } = this.#ring.bytes
    this.#bytes = Buffer.from(buffer, byteOffset, length)
    this.#view = new DataView(buffer, byteOffset, length)
  }

  /** Copies it. It is seen by the store after `publish`. */
  add(datagram: DatagramToStore): void {
    const ring = this.#ring
    const kept = ring.usedSize > ring.capacity * SHED_SHARE ? this.#shortened(datagram) : datagram
    const size = datagramRecordSize(kept)
    const at = ring.reserve(size)
    if (at < 0) {
      ring.countLost()
      return
    }
    writeDatagramRecord(kept, this.#bytes, this.#view, at)
    ring.add(size)
  }

  /** What is no datagram, likewise: a summary of what a datagram brought about. */
  addObservation(observation: Observation): void {
    const size = eventRecordSize(observation)
    const at = this.#ring.reserve(size)
    if (at < 0) {
      this.#ring.countLost()
      return
    }
    writeEventRecord(observation, this.#bytes, at)
    this.#ring.add(size)
  }

  publish(): void {
    this.#ring.publish()
  }

  /** Tells how busy this thread is, 0 to 1: what can wait then leaves it the machine. */
  tellBusy(share: number): void {
    this.#ring.tellBusy(share)
  }

  /** A copy without what indicators can do without, when that is smaller. It is good until the next one. */
  #shortened(datagram: DatagramToStore): DatagramToStore {
    const { bytes, start, end } = datagram
    const wholeSize = end - start
    if (wholeSize > this.#short.length) return datagram
    const size = writeShed(bytes, start, end, this.#short, 0)
    return size < wholeSize ? { ...datagram, bytes: this.#short, start: 0, end: size, wholeSize } : datagram
  }
}
