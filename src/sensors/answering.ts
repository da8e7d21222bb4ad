// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Boundary } from './boundary.ts'
import type { Counters } from './counters.ts'
import { mediaObservation } from './media/media-observation.ts'
import type { MediaSummary } from './media/media-tally.ts'
import { openRtpSinks, type RtpSinks } from './media/rtp-sinks.ts'
import type { ReplyGuard } from './reply-guard.ts'
import { ReplyLimiter } from './reply-limit.ts'
import type { SensorDeps, SensorsConfig } from './sensors.ts'
import type { Circumstances } from './uas/answer.ts'
import { createServer } from './uas/create-server.ts'
import type { MediaSink } from './uas/dialogs.ts'
import { ASTERISK_CHAN_SIP, type Persona } from './uas/persona.ts'
import { ActiveTimers } from './uas/timers.ts'
import { Datagrams } from './udp/datagrams.ts'
import { QuickAnswers } from './udp/quick-answers.ts'
import { FixedTexts } from './udp/reply-draft.ts'

export type Answering = AsyncDisposable & {
  readonly boundary: Boundary
  readonly datagrams: Datagrams
  /** The texts that drafts of replies refer to. */
  readonly fixed: Buffer
}

export type AnsweringParts = {
  readonly counters: Counters
  readonly guard: ReplyGuard
  readonly monotonicNow: () => number
}

/** What reads and answers, for the connections and the datagrams of one thread. */
export async function createAnswering(
  config: SensorsConfig,
  deps: SensorDeps,
  given: AnsweringParts,
): Promise<Answering> {
  const { counters, guard, monotonicNow } = given
  const { interaction } = config
  const isPassive = interaction === 'passive'
  const now = () => deps.now()
  const random = (size: number) => deps.random(size)
  const persona = ASTERISK_CHAN_SIP
  await using parts = new AsyncDisposableStack()
  const timers = parts.use(new ActiveTimers((error) => boundary.bug(new Uint8Array(), error)))
  const sinks =
    interaction === 'high'
      ? parts.use(
          await openRtpSinks(
            {
              ports: persona.rtpPorts,
              hosts: config.enabled ? [...new Set(config.listen.map(({ host }) => host))] : [],
            },
            { random, log: deps.log, monotonicNow, after: (ms, task) => afterwards(timers, ms, task) },
          ),
        )
      : null
  const limiter = new ReplyLimiter(config.replyLimit)
  const { server, responder, memory } = parts.use(
    createServer<MediaSummary>(
      { persona, interaction, pacing: config.pacing },
      {
        random,
        timers,
        limiter,
        counters,
        sinks: { take: (circumstances) => takeSink(sinks, circumstances, persona) },
        onMedia: ({ callId, circumstances, mediaPort }, summary) => {
          const { source, destination } = circumstances
          const local = { ip: destination.ip, port: mediaPort }
          deps.observe(mediaObservation({ callId, at: now(), sourceIp: source.ip, local }, summary))
          deps.onBatch?.()
        },
      },
    ),
  )
  const keepVector = (bytes: Uint8Array, error: unknown) => deps.keepVector?.(bytes, error)
  const common = { now, counters, guard, limiter, server }
  const boundary = new Boundary(
    { isPassive },
    { ...common, observe: (observation) => deps.observe(observation), log: deps.log, keepVector },
  )
  const texts = new FixedTexts()
  const quick = new QuickAnswers({ persona, responder, tokens: responder.tokens, texts })
  const datagrams = new Datagrams(
    { isPassive },
    {
      ...common,
      observe: (datagram) => deps.observeDatagram(datagram),
      bug: (bytes, error) => boundary.bug(bytes, error),
      memory,
      quick,
    },
  )
  const owned = parts.move()
  return { boundary, datagrams, fixed: texts.take(), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** A port for the media of a call that comes with these circumstances. */
function takeSink(
  sinks: RtpSinks | null,
  { source, destination }: Circumstances,
  persona: Persona,
): MediaSink<MediaSummary> | null {
  const sink = sinks?.take(destination.ip) ?? null
  sink?.start({ sourceIp: source.ip, rtpmaps: persona.codecs })
  return sink
}

function afterwards(timers: ActiveTimers, ms: number, task: () => void): () => void {
  const timer = timers.after(ms, task)
  if (timer === null) task() // what has no time left ends at once
  return () => timer?.cancel()
}
