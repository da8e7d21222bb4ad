// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Persona } from './persona.ts'

const MEDIA_COUNT_MAX = 16 // m= lines answered; an offer with more is answered in part
const OFFER_SIZE_MAX = 16_384 // bytes looked at

export type SdpInit = {
  readonly persona: Persona
  readonly address: string // our own, as the other side reached it
  readonly session: number // 32 bits that stay the same for a retransmitted offer
}
type Media = { readonly kind: string; readonly protocol: string; readonly formats: readonly string[] }

/**
 * The SDP of a 200 to an INVITE: an answer to the offer, or an offer of our own when there was none (RFC 3264, RFC 3261 §13.3.1).
 * `short` says the same without what may be left out. No port named here is open.
 */
export function describeSession(offer: Uint8Array, init: SdpInit): { full: Uint8Array; short: Uint8Array } {
  const { persona, address, session } = init
  const media = parseMedia(offer)
  if (media.length === 0) media.push({ kind: 'audio', protocol: 'RTP/AVP', formats: [...persona.codecs.keys()] })
  const port = persona.rtpPorts.from + 2 * (session % Math.floor(persona.rtpPorts.count / 2))
  const connection = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`
  const head = (user: string, id: number, name: string) =>
    `v=0\r\no=${user} ${id} ${id} ${connection}\r\ns=${name}\r\nc=${connection}\r\nt=0 0\r\n`
  let full = head('root', session, persona.server)
  let short = head('-', session % 1000, '-')
  for (const [index, one] of media.entries()) {
    const formats = acceptedFormats(one, persona)
    const open = one.kind === 'audio' && media.findIndex((other) => other.kind === 'audio') === index
    const line = `m=${one.kind} ${open ? port : 0} ${one.protocol} `
    full += `${line}${formats.join(' ')}\r\n`
    short += `${line}${formats[0]}\r\n`
    if (open) full += attributes(formats, persona)
  }
  return { full: Buffer.from(full, 'latin1'), short: Buffer.from(short, 'latin1') }
}

/** The offered formats that the persona has; else the first offered one, since a call refused for its codec shows us less. */
function acceptedFormats(media: Media, persona: Persona): readonly string[] {
  const common = media.formats.filter((format) => persona.codecs.has(format))
  return media.kind === 'audio' && common.length > 0 ? common : media.formats.slice(0, 1)
}

function attributes(formats: readonly string[], persona: Persona): string {
  let lines = ''
  for (const format of formats) {
    const rtpmap = persona.codecs.get(format)
    if (rtpmap !== undefined) lines += `a=rtpmap:${format} ${rtpmap}\r\n`
    if (rtpmap === 'telephone-event/8000') lines += `a=fmtp:${format} 0-16\r\n`
  }
  return `${lines}a=maxptime:150\r\na=sendrecv\r\n`
}

/** The m= lines of an offer. RFC 8866 §5.14. Lines that are none are left out. */
function parseMedia(offer: Uint8Array): Media[] {
  const text = Buffer.from(offer.buffer, offer.byteOffset, Math.min(offer.length, OFFER_SIZE_MAX)).toString('latin1')
  const media: Media[] = []
  for (const match of text.matchAll(/^m=(\w{1,16}) \d{1,5}(?:\/\d{1,3})? ([\w/]{1,32})((?: [\w.-]{1,32}){1,64})/gm)) {
    if (media.length === MEDIA_COUNT_MAX) break
    const [, kind = '', protocol = '', formats = ''] = match
    media.push({ kind, protocol, formats: formats.trim().split(' ') })
  }
  return media
}
