// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Boundary } from './boundary.ts'
import type { Counters } from './counters.ts'
import { mediaObservation } from './media/media-observation.ts'
import type { TalliedMedia } from './media/media-tally.ts'
import { openRtpSinks, type RtpSinks } from './media/rtp-sinks.ts'
import type { ReplyGuard } from './reply-guard.ts'
import { ReplyLimiter } from './reply-limit.ts'
import type { SensorDeps, SensorsConfig } from './sensors.ts'
import type { Circumstances } from './uas/answer.ts'
import { createServer } from './uas/create-server.ts'
import type { MediaSink } from './uas/dialogs.ts'
import type { Persona, Personas } from './uas/persona.ts'
import { ActiveTimers } from './uas/timers.ts'
import { Datagrams } from './udp/datagrams.ts'
import type { Device } from './udp/device.ts'
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
  const { interaction, personas } = config
  const isPassive = interaction === 'passive'
  const now = () => deps.now()
  const random = (size: number) => deps.random(size)
  await using parts = new AsyncDisposableStack()
  const onTimerError = (error: unknown) => boundary.bug(new Uint8Array(), error)
  const timers = parts.use(new ActiveTimers(onTimerError))
  const mediaTimers = parts.use(new ActiveTimers(onTimerError)) // never at their bound: one a sink, and one a host
  const sinks =
    interaction === 'high'
      ? parts.use(
          await openRtpSinks(
            {
              ports: personas.default.rtpPorts,
              hosts: config.enabled ? [...new Set(config.listen.map(({ host }) => host))] : [],
            },
            { random, log: deps.log, monotonicNow, after: (ms, task) => afterwards(mediaTimers, ms, task) },
          ),
        )
      : null
  const limiter = new ReplyLimiter(config.replyLimit)
  const { server, responderFor, memory } = parts.use(
    createServer<TalliedMedia>(
      { interaction, pacing: config.pacing },
      {
        random,
        timers,
        limiter,
        counters,
        sinks: {
          take: (circumstances) => takeSink(sinks, circumstances, personaAt(personas, circumstances.destination.ip)),
        },
        onMedia: ({ callId, circumstances, mediaPort }, summary) => {
          const { source, destination } = circumstances
          const local = { ip: destination.ip, port: mediaPort }
          deps.observe(mediaObservation({ callId, at: now(), sourceIp: source.ip, local }, summary))
          deps.onBatch?.()
        },
      },
    ),
  )
  const texts = new FixedTexts()
  const devices = new Map<Persona, Device>()
  for (const persona of new Set([personas.default, ...personas.byAddress.values()])) {
    const responder = responderFor(persona)
    devices.set(persona, { responder, quick: new QuickAnswers({ responder, texts }) })
  }
  const deviceAt = (ip: string): Device => devices.get(personaAt(personas, ip))!
  const keepVector = (bytes: Uint8Array, error: unknown) => deps.keepVector?.(bytes, error)
  const common = { now, counters, guard, limiter, server }
  const boundary = new Boundary(
    { isPassive },
    {
      ...common,
      responderAt: (ip) => deviceAt(ip).responder,
      observe: (observation) => deps.observe(observation),
      log: deps.log,
      keepVector,
    },
  )
  const datagrams = new Datagrams(
    { isPassive },
    {
      ...common,
      observe: (datagram) => deps.observeDatagram(datagram),
      bug: (bytes, error) => boundary.bug(bytes, error),
      memory,
      deviceAt,
    },
  )
  const owned = parts.move()
  return { boundary, datagrams, fixed: texts.take(), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const personaAt = (personas: Personas, ip: string): Persona => personas.byAddress.get(ip) ?? personas.default

/** A port for the media of a call that comes with these circumstances. */
function takeSink(
  sinks: RtpSinks | null,
  { source, destination }: Circumstances,
  persona: Persona,
): MediaSink<TalliedMedia> | null {
  const sink = sinks?.take(destination.ip) ?? null
  sink?.start({ sourceIp: source.ip, rtpmaps: persona.codecs })
  return sink
}

function afterwards(timers: ActiveTimers, ms: number, task: () => void): () => void {
  const timer = timers.after(ms, task)
  return () => timer?.cancel()
}
