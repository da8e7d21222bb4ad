// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What scanners send, for tools/bench/native/load.c to send.
import { closeSync, openSync, writeSync } from 'node:fs'
import { Random } from './random.ts'

export type TrafficKind = 'plain' | 'varied'

export const PLAIN_COUNT = 16_384
export const PLAIN_SIZE = 450 // bytes of each
export const VARIED_COUNT = 200_000

const GROUP_COUNT_MAX = 64 // messages of one send
const GROUP_SIZE_MAX = 65_507 // bytes of one
const MAGIC = 0x31504953 // "SIP1"

/** User-Agents that honeypots see most; `#` stands for a digit that differs from one attacker to the next. */
const USER_AGENTS = [
  'friendly-scanner',
  'VaxSIPUserAgent/3.#',
  'sipvicious',
  'sipcli/v1.#',
  'pplsip',
  'PolycomSoundPointIP-SPIP_550-UA-3.3.2.0###',
  'Cisco-SIPGateway/IOS-12.x',
  'eyeBeam release 3006o stamp 17###',
  'Asterisk PBX 1#.#.#',
  'FPBX-2.11.0(11.##.0)',
  'Z 3.9.3215# r3213#',
  'Avaya one-X Deskphone',
  'Linksys/SPA942-6.1.5(a)',
  'Ozeki VoIP SIP SDK v10.#.##',
  'MicroSIP/3.2#.#',
] as const

/** Ways out of a PBX that dialers try. */
const DIAL_PREFIXES = [
  '',
  '+',
  '00',
  '000',
  '9',
  '900',
  '9011',
  '011',
  '0011',
  '810',
  '8810',
  '99900',
  '00000',
] as const

/** Numbers of premium and mobile ranges that fraud goes to: country code and area, then random digits. */
const NUMBER_PLANS = [
  { start: '44207', count: 7 },
  { start: '447700900', count: 3 },
  { start: '97259', count: 7 },
  { start: '1212', count: 7 },
  { start: '4930', count: 7 },
  { start: '331', count: 8 },
  { start: '48221', count: 6 },
  { start: '37120', count: 6 },
  { start: '2526', count: 7 },
  { start: '88213', count: 6 },
] as const

const privateAddress = (random: Random): string =>
  `192.168.${random.below(256)}.${random.between(1, 254)}:${random.pick([5060, random.between(1024, 65535)])}`

const userAgent = (random: Random): string => random.pick(USER_AGENTS).replace(/#/g, () => random.digits(1))

/** An OPTIONS of exactly 450 bytes, as a scanner sends to find out who answers. */
function plainMessage(random: Random): string {
  const from = privateAddress(random)
  const lines = [
    'OPTIONS sip:100@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bK-${random.hex(16)};rport`,
    `From: "sipvicious" <sip:100@1.1.1.1>;tag=${random.hex(24)}`,
    'To: "sipvicious" <sip:100@1.1.1.1>',
    `Call-ID: ${random.digits(20)}`,
    'CSeq: 1 OPTIONS',
    `Contact: <sip:100@${from}>`,
    'Accept: application/sdp',
    'Max-Forwards: 70',
    'User-Agent: friendly-scanner',
    'Allow: INVITE,ACK,CANCEL,OPTIONS,BYE',
    'Content-Length: 0',
  ]
  const size = lines.join('\r\n').length + '\r\n\r\n'.length
  lines[4] += random.digits(PLAIN_SIZE - size)
  return `${lines.join('\r\n')}\r\n\r\n`
}

const dialled = (random: Random): string => {
  const plan = random.pick(NUMBER_PLANS)
  return random.pick(DIAL_PREFIXES) + plan.start + random.digits(plan.count)
}

function sessionOf(random: Random): string {
  const address = `192.168.${random.below(256)}.${random.between(1, 254)}`
  return [
    'v=0',
    `o=${random.letters(6)} ${random.digits(9)} ${random.digits(9)} IN IP4 ${address}`,
    's=call',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=audio ${2 * random.between(4000, 32000)} RTP/AVP 0 8 101`,
    'a=rtpmap:0 PCMU/8000',
    'a=rtpmap:8 PCMA/8000',
    'a=rtpmap:101 telephone-event/8000',
    'a=fmtp:101 0-16',
    'a=sendrecv',
    '',
  ].join('\r\n')
}

/** Half of all: a call to a number with a dial prefix. The rest looks around, or guesses extensions. */
function variedMessage(random: Random): string {
  const kind = random.below(4)
  const method = kind < 2 ? 'INVITE' : kind === 2 ? 'OPTIONS' : 'REGISTER'
  const extension = String(random.between(100, 9999))
  const user = method === 'INVITE' ? dialled(random) : extension
  const from = privateAddress(random)
  const body = method === 'INVITE' ? sessionOf(random) : ''
  const lines = [
    `${method} sip:${method === 'REGISTER' ? '' : `${user}@`}127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bK${random.letters(random.between(8, 24))};rport`,
    'Max-Forwards: 70',
    `From: "${extension}" <sip:${extension}@127.0.0.1>;tag=${random.hex(random.between(8, 16))}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${random.letters(random.between(16, 32))}${random.pick(['', `@${from.split(':')[0]}`])}`,
    `CSeq: ${random.between(1, 200)} ${method}`,
    `Contact: <sip:${extension}@${from}>`,
    `User-Agent: ${userAgent(random)}`,
    ...(method === 'REGISTER' ? [`Expires: ${random.pick([60, 120, 3600])}`] : []),
    ...(body === '' ? ['Allow: INVITE,ACK,CANCEL,OPTIONS,BYE'] : ['Content-Type: application/sdp']),
    `Content-Length: ${body.length}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

export function plainMessages(count = PLAIN_COUNT): string[] {
  const random = new Random(20_261_123)
  return Array.from({ length: count }, () => plainMessage(random))
}

export function variedMessages(count = VARIED_COUNT): string[] {
  const random = new Random(450_530)
  return Array.from({ length: count }, () => variedMessage(random))
}

/** Messages of equal size, up to 64: what one send can carry. In random order, since sizes go with methods. */
export function groupsOf(messages: readonly string[]): string[][] {
  const open = new Map<number, string[]>()
  const groups: string[][] = []
  for (const message of messages) {
    const size = message.length
    const group = open.get(size) ?? []
    open.set(size, group)
    group.push(message)
    if (group.length < GROUP_COUNT_MAX && (group.length + 1) * size <= GROUP_SIZE_MAX) continue
    groups.push(group)
    open.delete(size)
  }
  groups.push(...open.values())
  const random = new Random(groups.length)
  for (let i = groups.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[groups[i], groups[j]] = [groups[j]!, groups[i]!]
  }
  return groups
}

/** Writes the file that load.c reads, whose form is told there. */
export function writeTraffic(path: string, messages: readonly string[]): void {
  const groups = groupsOf(messages)
  const head = Buffer.alloc(8 + 12 * groups.length)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(groups.length, 4)
  let offset = head.length
  groups.forEach((group, i) => {
    const size = group[0]!.length
    head.writeUInt32LE(offset, 8 + 12 * i)
    head.writeUInt32LE(size, 12 + 12 * i)
    head.writeUInt32LE(group.length, 16 + 12 * i)
    offset += size * group.length
  })
  const fd = openSync(path, 'w', 0o600)
  try {
    writeSync(fd, head)
    for (const group of groups) writeSync(fd, Buffer.from(group.join(''), 'latin1'))
  } finally {
    closeSync(fd)
  }
}
