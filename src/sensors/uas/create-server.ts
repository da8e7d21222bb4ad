// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Counters } from '../counters.ts'
import type { ReplyLimiter } from '../reply-limit.ts'
import { TextHmac } from './_text-hmac.ts'
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

export type ServerConfig = {
  readonly persona: Persona
  readonly interaction: Interaction
  readonly pacing: Pacing
}
export type ServerDeps<Summary> = DialogDeps<Summary> & {
  random(size: number): Uint8Array // unguessable
  readonly limiter: Pick<ReplyLimiter, 'take'>
  readonly counters: Counters
}

/** The device, with all that it remembers. Disposing ends its calls. */
export function createServer<Summary>(config: ServerConfig, deps: ServerDeps<Summary>) {
  const { persona, interaction, pacing } = config
  const { timers, counters, limiter } = deps
  const random = (size: number) => deps.random(size)
  const dialogs = new Dialogs(deps)
  const memory = new SourceMemory()
  const refusals = new Refusals(new TextHmac(random))
  const registrar = new Registrar(interaction === 'high', refusals)
  const tokens = new Tokens(random)
  const auth = new DigestAuth({ tokens, realm: persona.realm })
  const responder = new Responder({ persona, interaction, tokens, auth, registrar, refusals, dialogs })
  const server = new UserAgentServer({
    responderAt: () => responder,
    memory,
    transactions: new Transactions(),
    dialogs,
    delivery: new Delivery({ timers, counters, endDialog: (dialog) => dialogs.end(dialog) }),
    pace: new Pace(pacing, refusals),
    limiter,
    counters,
  })
  return { server, responder, memory, dialogs, [Symbol.dispose]: () => dialogs[Symbol.dispose]() }
}
