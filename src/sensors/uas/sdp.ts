// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Persona } from './persona.ts'

const MEDIA_COUNT_MAX = 16 // m= lines answered; an offer with more is answered in part
const OFFER_SIZE_MAX = 16_384 // bytes looked at

export type SdpInit = {
  readonly persona: Persona
  readonly address: string // our own, as the other side reached it
  readonly port: number // where media is received
  readonly session: number // 32 bits that stay the same for a retransmitted offer
}
type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
type Media = {
  readonly kind: string
  readonly isRefused: boolean // offered with port 0
  readonly protocol: string
  readonly formats: readonly string[]
  readonly direction: Direction // of ours, which mirrors theirs
}
/** RFC 3264 §6.1: what one side only sends the other only receives. */
const MIRRORED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
}

/**
 * The SDP of a 200 to an INVITE: an answer to the offer, or an offer of our own when there was none (RFC 3264, RFC 3261 §13.3.1).
 * `short` says the same without what may be left out.
 */
export function describeSession(offer: Uint8Array, init: SdpInit): { full: Uint8Array; short: Uint8Array } {
  const { persona, address, port, session } = init
  const media = parseMedia(offer)
  if (media.length === 0) {
    const formats = [...persona.codecs.keys()]
    media.push({ kind: 'audio', isRefused: false, protocol: 'RTP/AVP', formats, direction: 'sendrecv' })
  }
  const connection = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`
  const head = (origin: string, name: string) =>
    `v=0\r\no=${origin} ${connection}\r\ns=${name}\r\nc=${connection}\r\nt=0 0\r\n`
  const { origin, sessionName } = persona.sdp
  let full = head(fillOrigin(origin, session), sessionName)
  let short = head(`- ${session % 1000} ${session % 1000}`, '-')
  for (const [index, one] of media.entries()) {
    const formats = acceptedFormats(one, persona)
    const open = media.findIndex(({ kind, isRefused }) => kind === 'audio' && !isRefused) === index // RFC 3264 §6
    const line = `m=${one.kind} ${open ? port : 0} ${one.protocol} `
    full += `${line}${formats.join(' ')}\r\n`
    short += `${line}${formats[0]}\r\n`
    if (!open) continue
    full += attributes(formats, one.direction, persona)
    if (one.direction !== 'sendrecv') short += `a=${one.direction}\r\n` // which is meant when nothing is said
  }
  return { full: Buffer.from(full, 'latin1'), short: Buffer.from(short, 'latin1') }
}

function fillOrigin(origin: string, session: number): string {
  return origin.replace(/\{(id|short)(?:\+(\d{1,4}))?\}/g, (_, name, more = '0') =>
    String((name === 'id' ? session : session % 10_000) + Number(more)),
  )
}

/** The offered formats that the persona has; else the first offered one, since a call refused for its codec shows us less. */
function acceptedFormats(media: Media, persona: Persona): readonly string[] {
  const common = media.formats.filter((format) => persona.codecs.has(format))
  return media.kind === 'audio' && common.length > 0 ? common : media.formats.slice(0, 1)
}

function attributes(formats: readonly string[], direction: Direction, persona: Persona): string {
  let lines = ''
  for (const format of formats) {
    const rtpmap = persona.codecs.get(format)
    if (rtpmap !== undefined) lines += `a=rtpmap:${format} ${rtpmap}\r\n`
    if (rtpmap === 'telephone-event/8000') lines += `a=fmtp:${format} 0-16\r\n`
  }
  for (const attribute of persona.sdp.attributes) lines += `${attribute}\r\n`
  return direction === 'sendrecv' && !persona.sdp.hasSendrecv ? lines : `${lines}a=${direction}\r\n`
}

/** The m= lines of an offer. RFC 8866 §5.14. Lines that are none are left out. */
function parseMedia(offer: Uint8Array): Media[] {
  const text = Buffer.from(offer.buffer, offer.byteOffset, Math.min(offer.length, OFFER_SIZE_MAX)).toString('latin1')
  const media: Media[] = []
  const firstMedia = text.search(/^m=/m)
  const common = directionIn(firstMedia < 0 ? text : text.slice(0, firstMedia)) ?? 'sendrecv'
  for (const match of text.matchAll(/^m=(\w{1,16}) (\d{1,5})(?:\/\d{1,3})? ([\w/]{1,32})((?: [\w.-]{1,32}){1,64})/gm)) {
    if (media.length === MEDIA_COUNT_MAX) break
    const [, kind = '', port = '', protocol = '', formats = ''] = match
    const from = match.index + match[0].length
    const next = text.indexOf('\nm=', from)
    const direction = MIRRORED[directionIn(text.slice(from, next < 0 ? text.length : next)) ?? common]
    media.push({ kind, isRefused: Number(port) === 0, protocol, formats: formats.trim().split(' '), direction })
  }
  return media
}

function directionIn(lines: string): Direction | undefined {
  return /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(lines)?.[1] as Direction | undefined
}
