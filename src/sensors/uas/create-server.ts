// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Counters } from '../counters.ts'
import type { ReplyLimiter } from '../reply-limit.ts'
import { HMAC_BLOCK_SIZE, TextHmac } from './_text-hmac.ts'
import { Delivery } from './delivery.ts'
import { type DialogDeps, Dialogs } from './dialogs.ts'
import { DigestAuth } from './digest-auth.ts'
import { Pace, type Pacing } from './pacing.ts'
import type { Persona } from './persona.ts'
import { Refusals } from './refusals.ts'
import { Registrar } from './registrar.ts'
import { type Interaction, Responder } from './responder.ts'
import { SourceMemory } from './source-memory.ts'
import { Tokens } from './token.ts'
import { Transactions } from './transactions.ts'
import { UserAgentServer } from './user-agent-server.ts'

export const DECISION_KEY_SIZE = HMAC_BLOCK_SIZE

export type ServerConfig = {
  readonly interaction: Interaction
  readonly pacing: Pacing
}
export type ServerDeps<Summary> = DialogDeps<Summary> & {
  random(size: number): Uint8Array // unguessable
  /** What decides how calls end and which password is right, for a network. */
  readonly decisionKey: Uint8Array
  readonly limiter: Pick<ReplyLimiter, 'take'>
  readonly counters: Counters
}

/** What answers, with all that it remembers; as which device, is told for each message. Disposing ends its calls. */
export function createServer<Summary>(config: ServerConfig, deps: ServerDeps<Summary>) {
  const { interaction, pacing } = config
  const { timers, counters, limiter } = deps
  const random = (size: number) => deps.random(size)
  const dialogs = new Dialogs(deps)
  const memory = new SourceMemory()
  const refusals = new Refusals(new TextHmac(() => deps.decisionKey))
  const registrar = new Registrar(interaction === 'high', refusals)
  const responderFor = (persona: Persona): Responder => {
    const tokens = new Tokens(random, persona.tokens)
    return new Responder({
      persona,
      interaction,
      tokens,
      auth: new DigestAuth({ tokens }),
      registrar,
      refusals,
      dialogs,
    })
  }
  const server = new UserAgentServer({
    memory,
    transactions: new Transactions(),
    dialogs,
    delivery: new Delivery({ timers, counters, refuse: (dialog) => dialogs.refuse(dialog) }),
    pace: new Pace(pacing, refusals),
    limiter,
    counters,
  })
  return { server, responderFor, memory, dialogs, [Symbol.dispose]: () => dialogs[Symbol.dispose]() }
}
