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

type Place = { readonly rank: number; readonly before: Echoed | undefined }

const BEHIND_ALL: Place = { rank: Number.MAX_SAFE_INTEGER, before: undefined }

/** The lines that a device puts into its responses by itself, and the order in which it has all of them. */
export class DeviceLines {
  readonly layout: ResponseLayout
  readonly #persona: Persona
  readonly #places: ReadonlyMap<string, Place>
  readonly #optionsPlaces: ReadonlyMap<string, Place>

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
    const names = new Set(this.#namesOf(method, status))
    if (status === 405) names.add('Allow') // RFC 3261 §8.2.1
    if (status === 415) names.add('Accept') // RFC 3261 §8.2.3
    const lines = [...names].flatMap((name) => this.#line(name, now) ?? [])
    const places = method === 'OPTIONS' && status === 200 ? this.#optionsPlaces : this.#places
    const placed = [...lines, ...own].map((line) => ({ line, place: places.get(line.name) ?? BEHIND_ALL }))
    return placed
      .sort((a, b) => a.place.rank - b.place.rank)
      .map(({ line, place }) => (place.before === undefined ? line : { ...line, before: place.before }))
  }

  /** The reason phrase in which it differs from the RFC. */
  reason(method: string, status: number): string | undefined {
    const { reasons, methodReasons } = this.#persona
    return methodReasons.get(`${method} ${status}`) ?? reasons.get(status)
  }

  #namesOf(method: string, status: number): readonly string[] {
    const { always, trying, options, call, refusedCall, registered } = this.#persona.lines
    if (status === 100) return trying
    if (method === 'INVITE') return [...always, ...(status < 300 ? call : refusedCall)]
    if (method === 'OPTIONS' && status === 200) return [...always, ...options]
    return method === 'REGISTER' && status === 200 ? [...always, ...registered] : always
  }

  /** Null for those that say something else each time, and so are the responder's. */
  #line(name: string, now: number): HeaderLine | null {
    const { serverHeader, server, allow, supported, accept, lines } = this.#persona
    if (name === serverHeader) return { name, value: server, shed: SHED.server }
    if (name === 'Allow') return { name, value: allow.join(', '), shed: SHED.allow }
    if (name === 'Supported') return { name, value: supported.join(', '), shed: SHED.supported }
    if (name === 'Accept') return { name, value: accept, shed: SHED.accept }
    if (name === 'Date') return { name, value: new Date(now).toUTCString(), shed: SHED.supported }
    const value = lines.values.get(name)
    return value === undefined ? null : { name, value, shed: SHED.supported }
  }
}

/** Where each line stands, and which of those that are repeated comes next. */
function placesOf(order: readonly string[], isEchoAsReceived: boolean): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const [rank, name] of order.entries()) {
    const next = order.slice(rank).find((other) => ECHOED.has(other.toLowerCase()))
    const before = next === undefined || isEchoAsReceived ? undefined : ECHOED.get(next.toLowerCase())
    places.set(name, { rank, before })
  }
  return places
}
