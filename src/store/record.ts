// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { ADDRESS_SIZE, readAddress, writeAddress } from '../core/address.ts'
import { COLLECTED_METHODS, type Observation, TRANSPORTS } from '../core/event.ts'
import { BEHAVIOURS, type Behaviour } from '../core/tags.ts'
import { SOURCE_VALIDATIONS } from '../core/validation.ts'

/*
 * One record of the journal, little endian. Fixed fields first: zstd makes them cheap, and they need no parser.
 *
 *   event    0 u32 size  4 u8 type=1  5 u8 transport  6 u8 validation  7 u8 flags  8 f64 at
 *           16 16B source  32 16B destination  48 u16 source port  50 u16 destination port
 *           52 u32 size received  56 u32 size sent  60 u8 n  61 n × u16 status
 *           with flag 32: u8 m  m bytes, the JA4 of the TLS connection (latin1)
 *           then the bytes received; of transport rtp a summary of them (core/media.ts)
 *   repeat   0 u32 size  4 u8 type=2  5 3B zero  8 f64 at  16 f64 id of the event repeated  24 u32 size sent
 *
 * Flags: 1 the sensor may answer  2 the bytes were shortened  4, 8, 16 what the source was doing, as BEHAVIOURS has it:
 * set by the store alone, which saw what came before  32 a JA4 follows. Versions before had the first two only.
 */
export const RECORD = { event: 1, repeat: 2 } as const

const FIXED_SIZE = 61 // bytes of an event record before its status codes
const REPEAT_SIZE = 28
export const RECORD_SIZE_MIN = REPEAT_SIZE
const RESPONSES_MAX = 8
const JA4_SIZE_MAX = 255
export const RAW_SIZE_MAX = 65_536
export const RECORD_SIZE_MAX = FIXED_SIZE + 2 * RESPONSES_MAX + 1 + JA4_SIZE_MAX + RAW_SIZE_MAX

const FLAG_RESPONSIVE = 1
const FLAG_RAW_SHED = 2
const BEHAVIOUR_SHIFT = 2
const BEHAVIOUR_BITS = (1 << BEHAVIOURS.length) - 1
const FLAG_JA4 = 32

/** Where in an event record its fields stand, for what reads them in place. */
export const EVENT_FIELD = { transport: 5, validation: 6, flags: 7, at: 8, source: 16, sentSize: 56 } as const
/** The addresses, the ports and the size received: what a retransmission has in common with its event, beside its bytes. */
export const RECORD_KEY = { start: 16, end: 56 } as const
/** The numbers of the transports that are read in their own way: a datagram's, and that of media. */
export const UDP = TRANSPORTS.indexOf('udp')
export const RTP = TRANSPORTS.indexOf('rtp')

export type StoredObservation = Observation & {
  readonly rawShed: boolean
  readonly behaviours?: readonly Behaviour[] // what its source was doing when it came
}
export type StoredRepeat = { readonly at: number; readonly repeatOf: number; readonly sentSize: number }
export type StoredRecord =
  | { readonly type: 'event'; readonly observation: StoredObservation }
  | { readonly type: 'repeat'; readonly repeat: StoredRepeat }

const code = <T extends string>(table: readonly T[], value: T): number => table.indexOf(value)

function named<T extends string>(table: readonly T[], value: number | undefined): T {
  const name = table[value ?? -1]
  if (name === undefined) throw new RangeError(`Cannot read a record: ${value} is none of ${table.join(', ')}`)
  return name
}

const UNVALIDATED = SOURCE_VALIDATIONS.indexOf('none')

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const ja4Size = ({ ja4 }: Observation): number => (ja4 ? 1 + Math.min(ja4.length, JA4_SIZE_MAX) : 0)

export const eventRecordSize = (observation: Observation): number =>
  FIXED_SIZE +
  2 * Math.min(observation.responses.length, RESPONSES_MAX) +
  ja4Size(observation) +
  Math.min(observation.bytes.length, RAW_SIZE_MAX)

/** Writes the record at `at` and returns its size; `target` must have `eventRecordSize` bytes left there. */
export function writeEventRecord(observation: Observation, target: Uint8Array, at: number, rawShed = false): number {
  const size = eventRecordSize(observation)
  const responseCount = Math.min(observation.responses.length, RESPONSES_MAX)
  const out = view(target)
  out.setUint32(at, size, true)
  target[at + 4] = RECORD.event
  target[at + 5] = code(TRANSPORTS, observation.transport)
  // Whoever sent the media, it proves nothing of the source that the call did not.
  target[at + 6] = observation.transport === 'rtp' ? UNVALIDATED : code(SOURCE_VALIDATIONS, observation.validation)
  target[at + 7] =
    (observation.collectedMethod === 'responsive' ? FLAG_RESPONSIVE : 0) |
    (rawShed ? FLAG_RAW_SHED : 0) |
    (observation.ja4 ? FLAG_JA4 : 0)
  out.setFloat64(at + 8, Math.floor(observation.at), true)
  writeAddress(observation.source.ip, target, at + 16)
  writeAddress(observation.destination.ip, target, at + 16 + ADDRESS_SIZE)
  out.setUint16(at + 48, observation.source.port, true)
  out.setUint16(at + 50, observation.destination.port, true)
  out.setUint32(at + 52, observation.size, true)
  out.setUint32(at + 56, observation.sentSize, true)
  target[at + 60] = responseCount
  for (let i = 0; i < responseCount; i++) out.setUint16(at + FIXED_SIZE + 2 * i, observation.responses[i] ?? 0, true)
  const end = at + FIXED_SIZE + 2 * responseCount
  if (observation.ja4) writeJa4(observation.ja4, target, end)
  target.set(observation.bytes.subarray(0, RAW_SIZE_MAX), end + ja4Size(observation))
  return size
}

function writeJa4(ja4: string, target: Uint8Array, at: number): void {
  const size = Math.min(ja4.length, JA4_SIZE_MAX)
  target[at] = size
  for (let i = 0; i < size; i++) target[at + 1 + i] = ja4.charCodeAt(i)
}

/** A datagram and what was done about it, as the thread that received it has them: addresses in 16 bytes. */
export type DatagramToStore = {
  readonly at: number // ms since epoch
  readonly bytes: Buffer // it lies there from start to end
  readonly start: number
  readonly end: number
  readonly source: { readonly address: Uint8Array; readonly port: number }
  readonly target: { readonly address: Uint8Array; readonly endpoint: { readonly port: number } }
  readonly isPassive: boolean
  readonly validation?: number // 1 when the source returned a token of ours (`echo`); else 0, as when it is left out
  readonly status: number // of the first response; 0: none
  readonly moreStatuses?: readonly number[] // of further ones, seven at most
  readonly sentSize: number // bytes of all
  readonly wholeSize?: number // bytes received, where these are a shortened copy
}

function statusCount({ status, moreStatuses }: DatagramToStore): number {
  if (status === 0) return 0
  return moreStatuses === undefined ? 1 : Math.min(1 + moreStatuses.length, RESPONSES_MAX)
}

export const datagramRecordSize = (datagram: DatagramToStore): number =>
  FIXED_SIZE + 2 * statusCount(datagram) + Math.min(datagram.end - datagram.start, RAW_SIZE_MAX)

/** Writes the record of a datagram at `at`; `target` and `out` are the same memory. The same bytes as `writeEventRecord`. */
export function writeDatagramRecord(datagram: DatagramToStore, target: Buffer, out: DataView, at: number): void {
  const { bytes, start, end, source, target: local, status, moreStatuses } = datagram
  const count = statusCount(datagram)
  out.setUint32(at, datagramRecordSize(datagram), true)
  target[at + 4] = RECORD.event
  target[at + 5] = UDP
  target[at + 6] = datagram.validation ?? UNVALIDATED
  target[at + 7] = (datagram.isPassive ? 0 : FLAG_RESPONSIVE) | (datagram.wholeSize === undefined ? 0 : FLAG_RAW_SHED)
  out.setFloat64(at + 8, Math.floor(datagram.at), true)
  for (let i = 0; i < ADDRESS_SIZE; i++) {
    target[at + 16 + i] = source.address[i]!
    target[at + 16 + ADDRESS_SIZE + i] = local.address[i]!
  }
  out.setUint16(at + 48, source.port, true)
  out.setUint16(at + 50, local.endpoint.port, true)
  out.setUint32(at + 52, datagram.wholeSize ?? end - start, true)
  out.setUint32(at + 56, datagram.sentSize, true)
  target[at + 60] = count
  if (count > 0) out.setUint16(at + FIXED_SIZE, status, true)
  for (let i = 1; i < count; i++) out.setUint16(at + FIXED_SIZE + 2 * i, moreStatuses![i - 1]!, true)
  bytes.copy(target, at + FIXED_SIZE + 2 * count, start, Math.min(end, start + RAW_SIZE_MAX))
}

export function serializeRepeat(repeat: StoredRepeat): Uint8Array {
  const bytes = new Uint8Array(REPEAT_SIZE)
  writeRepeatRecord(repeat, view(bytes), 0)
  return bytes
}

/** Writes the record at `at` and returns its size. */
export function writeRepeatRecord(repeat: StoredRepeat, target: DataView, at: number): number {
  target.setUint32(at, REPEAT_SIZE, true)
  target.setUint32(at + 4, RECORD.repeat, true) // and three bytes of zero
  target.setFloat64(at + 8, repeat.at, true)
  target.setFloat64(at + 16, repeat.repeatOf, true)
  target.setUint32(at + 24, repeat.sentSize, true)
  return REPEAT_SIZE
}

/** The size of the record that starts at `at`, or 0 when none is there; `input` is the same memory. */
export function recordSizeAt(bytes: Uint8Array, at: number, input = view(bytes)): number {
  return at + 4 <= bytes.length ? input.getUint32(at, true) : 0
}

export const recordAt = (bytes: Uint8Array, at: number): number => view(bytes).getFloat64(at + 8, true)

/** The size of the record that stands whole at `at`. */
export const sizeOfRecord = (records: DataView, at: number): number => records.getUint32(at, true)

/** Where the bytes received begin in the event record at `at`; they end where it does. */
export function rawStartOf(records: DataView, at: number): number {
  const end = at + FIXED_SIZE + 2 * records.getUint8(at + 60)
  return (records.getUint8(at + EVENT_FIELD.flags) & FLAG_JA4) === 0 ? end : end + 1 + records.getUint8(end)
}

/** Notes in the event record at `at` what its source is doing: a bit for each of BEHAVIOURS. */
export function markBehaviours(records: DataView, at: number, behaviours: number): void {
  const flags = records.getUint8(at + EVENT_FIELD.flags)
  records.setUint8(at + EVENT_FIELD.flags, flags | (behaviours << BEHAVIOUR_SHIFT))
}

/** Copies the fixed fields of an event record to `to`, for other bytes of that size; returns where those begin. */
export function copyEventHead(records: DataView, at: number, target: DataView, to: number, rawSize: number): number {
  const headSize = rawStartOf(records, at) - at
  for (let i = 0; i < headSize; i++) target.setUint8(to + i, records.getUint8(at + i))
  target.setUint32(to, headSize + rawSize, true)
  target.setUint8(to + EVENT_FIELD.flags, records.getUint8(at + EVENT_FIELD.flags) | FLAG_RAW_SHED)
  return to + headSize
}

export const isRawShed = (records: DataView, at: number): boolean =>
  (records.getUint8(at + EVENT_FIELD.flags) & FLAG_RAW_SHED) !== 0

/**
 * Reads the record at `at`; `input` is the same memory. Its bytes are a view into `bytes`. Throws RangeError when it is
 * none.
 */
export function readRecord(bytes: Uint8Array, at: number, input = view(bytes)): StoredRecord {
  const type = input.getUint8(at + 4)
  if (type === RECORD.repeat) {
    return {
      type: 'repeat',
      repeat: {
        at: input.getFloat64(at + 8, true),
        repeatOf: input.getFloat64(at + 16, true),
        sentSize: input.getUint32(at + 24, true),
      },
    }
  }
  if (type !== RECORD.event) throw new RangeError(`Cannot read a record: type ${type} is unknown`)
  return { type: 'event', observation: readObservation(bytes, input, at) }
}

function readObservation(bytes: Uint8Array, input: DataView, at: number): StoredObservation {
  const flags = input.getUint8(at + 7)
  const responseCount = input.getUint8(at + 60)
  const responses: number[] = []
  for (let i = 0; i < responseCount; i++) responses.push(input.getUint16(at + FIXED_SIZE + 2 * i, true))
  const rawStart = rawStartOf(input, at)
  return {
    at: input.getFloat64(at + 8, true),
    transport: named(TRANSPORTS, bytes[at + 5]),
    validation: named(SOURCE_VALIDATIONS, bytes[at + 6]),
    collectedMethod: named(COLLECTED_METHODS, flags & FLAG_RESPONSIVE ? 1 : 0),
    source: { ip: readAddress(bytes, at + 16), port: input.getUint16(at + 48, true) },
    destination: { ip: readAddress(bytes, at + 16 + ADDRESS_SIZE), port: input.getUint16(at + 50, true) },
    size: input.getUint32(at + 52, true),
    sentSize: input.getUint32(at + 56, true),
    responses,
    ja4: flags & FLAG_JA4 ? latin1(bytes, at + FIXED_SIZE + 2 * responseCount + 1, rawStart) : null,
    bytes: bytes.subarray(rawStart, at + input.getUint32(at, true)),
    rawShed: (flags & FLAG_RAW_SHED) !== 0,
    behaviours: behavioursOf((flags >> BEHAVIOUR_SHIFT) & BEHAVIOUR_BITS),
  }
}

/** One bit for each of BEHAVIOURS. */
export function behaviourBits(behaviours: readonly Behaviour[]): number {
  let bits = 0
  for (const behaviour of behaviours) bits |= 1 << BEHAVIOURS.indexOf(behaviour)
  return bits
}

const NONE: readonly Behaviour[] = []
const behavioursOf = (bits: number): readonly Behaviour[] =>
  bits === 0 ? NONE : BEHAVIOURS.filter((_, i) => (bits & (1 << i)) !== 0)

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
