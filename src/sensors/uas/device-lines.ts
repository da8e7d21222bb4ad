// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Echoed, ResponseLayout } from '../../wire/sip/response.ts'
import { type HeaderLine, SHED } from './answer.ts'
import type { Persona } from './persona.ts'

const ECHOED: ReadonlyMap<string, Echoed> = new Map([
  ['via', 'via'],
  ['record-route', 'recordRoute'],
  ['from', 'from'],
  ['to', 'to'],
  ['call-id', 'callId'],
  ['cseq', 'cseq'],
])

/** Where a line stands, and which of those that are repeated comes next. */
type Place = { readonly rank: number; readonly before: Echoed | undefined }
type Placed = { readonly rank: number; readonly line: HeaderLine }

/** The lines that a device puts into its responses by itself, and the order in which it has all of them. */
export class DeviceLines {
  readonly layout: ResponseLayout
  readonly #persona: Persona
  readonly #places: ReadonlyMap<string, Place>
  readonly #optionsPlaces: ReadonlyMap<string, Place>
  /** Those of each kind of response, since they say the same each time. */
  readonly #kept = new Map<readonly string[], readonly Placed[]>()

  constructor(persona: Persona) {
    const { order, optionsOrder, isEchoAsReceived, isContentLengthPadded } = persona.lines
    this.#persona = persona
    this.#places = placesOf(order, isEchoAsReceived)
    this.#optionsPlaces = placesOf(optionsOrder, isEchoAsReceived)
    const names = order.map((name) => name.toLowerCase()) // those not among them stand first, as in the RFC
    const echo = [...ECHOED].toSorted(([a], [b]) => names.indexOf(a) - names.indexOf(b)).map(([, echoed]) => echoed)
    this.layout = { echo: isEchoAsReceived ? 'as-received' : echo, isContentLengthPadded }
  }

  /** Those of a response, with `own` among them, each in its place. */
  of(method: string, status: number, own: readonly HeaderLine[], now: number): HeaderLine[] {
    const { always, options } = this.#persona.lines
    const further = this.#further(method, status)
    const places = further === options ? this.#optionsPlaces : this.#places
    const placed = [...this.#standing(status === 100 ? NONE : always, further, places)]
    const add = (line: HeaderLine) => insert(placed, line, places)
    const isThere = (name: string) => placed.some(({ line }) => line.name === name)
    if (status !== 100 && always.includes('Date')) add(dateLine(now))
    else if (further.includes('Date')) add(dateLine(now))
    if (status === 405 && !isThere('Allow')) add(this.#line('Allow')!) // RFC 3261 §8.2.1
    if (status === 415 && !isThere('Accept')) add(this.#line('Accept')!) // RFC 3261 §8.2.3
    for (const line of own) add(line)
    return placed.map(({ line }) => line)
  }

  /** The reason phrase in which it differs from the RFC. */
  reason(method: string, status: number): string | undefined {
    const { reasons, methodReasons } = this.#persona
    return methodReasons.get(`${method} ${status}`) ?? reasons.get(status)
  }

  /** The names of those that not every response has. */
  #further(method: string, status: number): readonly string[] {
    const { trying, options, call, refusedCall, registered } = this.#persona.lines
    if (status === 100) return trying
    if (method === 'INVITE') return status < 300 ? call : refusedCall
    if (status !== 200) return NONE
    return method === 'OPTIONS' ? options : method === 'REGISTER' ? registered : NONE
  }

  #standing(
    always: readonly string[],
    further: readonly string[],
    places: ReadonlyMap<string, Place>,
  ): readonly Placed[] {
    const kept = this.#kept.get(further)
    if (kept !== undefined) return kept
    const placed: Placed[] = []
    for (const name of new Set([...always, ...further])) {
      const line = this.#line(name)
      if (line !== null) insert(placed, line, places)
    }
    this.#kept.set(further, placed)
    return placed
  }

  /** Null for those that say something else each time. */
  #line(name: string): HeaderLine | null {
    const { serverHeader, server, allow, supported, accept, lines } = this.#persona
    if (name === serverHeader) return { name, value: server, shed: SHED.server }
    if (name === 'Allow') return { name, value: allow.join(', '), shed: SHED.allow }
    if (name === 'Supported') return { name, value: supported.join(', '), shed: SHED.supported }
    if (name === 'Accept') return { name, value: accept, shed: SHED.accept }
    const value = lines.values.get(name)
    return value === undefined ? null : { name, value, shed: SHED.supported }
  }
}

const NONE: readonly string[] = []
const BEHIND_ALL: Place = { rank: Number.MAX_SAFE_INTEGER, before: undefined }

function dateLine(now: number): HeaderLine {
  return { name: 'Date', value: new Date(now).toUTCString(), shed: SHED.supported }
}

/** Behind those that stand before it; those the device has no place for come last. */
function insert(placed: Placed[], line: HeaderLine, places: ReadonlyMap<string, Place>): void {
  const { rank, before } = places.get(line.name) ?? BEHIND_ALL
  const at = placed.findLastIndex((other) => other.rank <= rank) + 1
  placed.splice(at, 0, { rank, line: before === undefined ? line : { ...line, before } })
}

function placesOf(order: readonly string[], isEchoAsReceived: boolean): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const [rank, name] of order.entries()) {
    const next = order.slice(rank).find((other) => ECHOED.has(other.toLowerCase()))
    const before = next === undefined || isEchoAsReceived ? undefined : ECHOED.get(next.toLowerCase())
    places.set(name, { rank, before })
  }
  return places
}
