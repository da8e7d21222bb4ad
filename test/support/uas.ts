// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The device alone, without sockets: requests go in, replies come out, and time passes when the test says so.
import { randomBytes } from 'node:crypto'
import { createCounters } from '../../src/sensors/counters.ts'
import type { Answer } from '../../src/sensors/uas/answer.ts'
import type { Reply } from '../../src/sensors/uas/byte-rule.ts'
import { createServer, DECISION_KEY_SIZE } from '../../src/sensors/uas/create-server.ts'
import type { Call } from '../../src/sensors/uas/dialogs.ts'
import type { Pacing } from '../../src/sensors/uas/pacing.ts'
import type { Persona } from '../../src/sensors/uas/persona.ts'
import type { Interaction, Plan } from '../../src/sensors/uas/responder.ts'
import type { Timers } from '../../src/sensors/uas/timers.ts'
import type { Arrival } from '../../src/sensors/uas/user-agent-server.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { ASTERISK_CHAN_SIP } from './personas.ts'

export const NOW = 1_790_000_000_000

/** A datagram with as much room for its reply as one can have. */
export const UDP = {
  transport: 'udp',
  oversize: false,
  source: { ip: '198.51.100.7', port: 5060 },
  destination: { ip: '203.0.113.5', port: 5060 },
  now: NOW,
  size: 65_535,
} as const satisfies Arriving
export const TCP = { ...UDP, transport: 'tcp' } as const
export type Arriving = Omit<Arrival, 'path' | 'responder'>

/** Time that stands still until it is told to go on. */
export class ManualTimers implements Timers {
  readonly #waiting = new Set<{ at: number; task: () => void }>()
  #now = 0

  get count(): number {
    return this.#waiting.size
  }

  after(ms: number, task: () => void) {
    const timer = { at: this.#now + ms, task }
    this.#waiting.add(timer)
    return { cancel: () => void this.#waiting.delete(timer) }
  }

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#now = next.at
      this.#waiting.delete(next)
      next.task()
    }
    this.#now = until
  }
}

type DeviceInit = {
  readonly persona?: Persona
  readonly interaction?: Interaction
  readonly pacing?: Pacing
  /** How many calls have a port for their media. */
  readonly sinkCount?: number
  readonly mayReply?: () => boolean
}

/** A device, at the level `high` and without pauses unless told otherwise. */
export function startDevice(init: DeviceInit = {}) {
  const { persona = ASTERISK_CHAN_SIP, interaction = 'high', pacing = 'none', mayReply = () => true } = init
  let sinksLeft = init.sinkCount ?? Number.POSITIVE_INFINITY
  const timers = new ManualTimers()
  const counters = createCounters()
  const media: { call: Call; summary: string }[] = []
  const late: string[] = []
  let isPathOpen = true
  const device = createServer<string>(
    { interaction, pacing },
    {
      random: (size) => randomBytes(size),
      decisionKey: randomBytes(DECISION_KEY_SIZE),
      timers,
      counters,
      limiter: { take: mayReply },
      sinks: { take: () => (sinksLeft-- > 0 ? { port: 10_000, close: () => 'over' } : null) },
      onMedia: (call, summary) => media.push({ call, summary }),
    },
  )
  const { server } = device
  const responder = device.responderFor(persona)
  const path = () => ({
    send: (bytes: Uint8Array) => isPathOpen && late.push(Buffer.from(bytes).toString('latin1')) > 0,
  })
  const receive = (bytes: Uint8Array, to: Arriving = UDP) =>
    server.receive(parseMessage(bytes), { ...to, responder, path })
  return {
    ...device,
    responder,
    timers,
    counters,
    media,
    /** What was sent by itself, some time after its request. */
    late,
    closePath: () => {
      isPathOpen = false
    },
    receive,
    texts: (bytes: Uint8Array, to?: Arriving) => receive(bytes, to).replies.map(textOf),
    statuses: (bytes: Uint8Array, to?: Arriving) => receive(bytes, to).replies.map(({ status }) => status),
    /** What the responder decides on the way; nothing when it is not asked. */
    decide(bytes: Uint8Array, to?: Arriving): readonly Answer[] {
      let plan: Plan = { answers: [], dialog: null }
      const decide = responder.decide
      responder.decide = (exchange) => (plan = decide.call(responder, exchange))
      try {
        receive(bytes, to)
      } finally {
        responder.decide = decide
      }
      return plan.answers
    },
  }
}

export const textOf = ({ bytes }: Reply): string => Buffer.from(bytes).toString('latin1')
