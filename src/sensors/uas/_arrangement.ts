// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Echoed, ResponseLayout } from '../../wire/sip/response.ts'
import type { HeaderLine } from './answer.ts'
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

/** Puts the lines of responses where the device has them. */
export class Arrangement {
  readonly layout: ResponseLayout
  readonly #placeOf = new Map<string, Place>()
  readonly #behindAll: Place

  constructor({ lines }: Pick<Persona, 'lines'>) {
    const { order, isEchoAsReceived } = lines
    this.#behindAll = { rank: order.length, before: undefined }
    for (const [rank, name] of order.entries()) {
      const next = order.slice(rank).find((other) => ECHOED.has(other.toLowerCase()))
      const before = next === undefined || isEchoAsReceived ? undefined : ECHOED.get(next.toLowerCase())
      this.#placeOf.set(name, { rank, before })
    }
    const names = order.map((name) => name.toLowerCase()) // those not among them stand first, as in the RFC
    const echo = [...ECHOED].toSorted(([a], [b]) => names.indexOf(a) - names.indexOf(b)).map(([, echoed]) => echoed)
    this.layout = {
      echo: isEchoAsReceived ? 'as-received' : echo,
      contentLengthGap: ' '.repeat(lines.contentLengthSpaces),
    }
  }

  /** The lines in the device's order; those it has no place for follow. */
  arrange(lines: readonly HeaderLine[]): HeaderLine[] {
    const placed = lines.map((line) => ({ line, place: this.#placeOf.get(line.name) ?? this.#behindAll }))
    return placed
      .sort((a, b) => a.place.rank - b.place.rank)
      .map(({ line, place }) => (place.before === undefined ? line : { ...line, before: place.before }))
  }
}
