// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isIP, isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { canonicalIp } from '../core/address.ts'
import { SIP_TRANSPORTS } from '../core/event.ts'
import type { LeafSchema } from './_leaves.ts'
import { nearest } from './_nearest.ts'
import type { AddressPersona, Form, SipListen } from './_schema.ts'
import { isPersonaFile } from './personas.ts'

const SECURE = /^(tls|wss)$/

/**
 * Reads `udp:127.0.0.1:5060` or `tls:[::1]:5061`.
 * Throws RangeError, saying what is wrong and what would be right.
 */
export function parseSipListen(text: string): SipListen {
  const scheme = /^[a-z]+(?=:)/i.exec(text)?.[0].toLowerCase()
  const transport = SIP_TRANSPORTS.find((one) => one === scheme)
  if (transport === undefined) {
    const near = scheme === undefined ? null : nearest(scheme, SIP_TRANSPORTS)
    throw new RangeError(
      `must be TRANSPORT:ADDRESS:PORT with ${SIP_TRANSPORTS.join(', ')} as TRANSPORT, such as udp:127.0.0.1:5060 or tls:[::1]:5061` +
        (near === null ? '' : `; did you mean ${near}?`),
    )
  }
  const rest = text.slice(transport.length + 1)
  if (rest.startsWith('//')) throw new RangeError(`has no slashes: ${transport}:${rest.slice(2).replace(/\/$/, '')}`)
  const { host, port } = parseHostPort(rest, `${transport}:127.0.0.1:${SECURE.test(transport) ? 5061 : 5060}`)
  return { transport, host: parseAddress(host), port }
}

/** The inverse of `parseSipListen`. */
export function formatSipListen({ transport, host, port }: SipListen): string {
  return `${transport}:${formatHostPort(host, port)}`
}

/** `127.0.0.1:5060`, `[::1]:5060`. */
export function formatHostPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Splits `HOST:PORT`; brackets are taken off. Throws RangeError. */
export function parseHostPort(text: string, example: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text)
  if (match === null) {
    if (isIPv6(text) || isIPv6(text.replace(/:\d+$/, ''))) {
      throw new RangeError('IPv6 addresses stand in brackets, such as [::1]:5060')
    }
    throw new RangeError(`must be written like ${example}`)
  }
  const port = Number(match[3])
  if (port > 65_535) throw new RangeError('the port must be from 0 to 65535')
  return { host: match[1] ?? match[2]!, port }
}

function parseAddress(text: string): string {
  if (text === 'localhost') return '127.0.0.1'
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (isIP(bare) === 0) {
    throw new RangeError(
      'must be an IP address of this machine, such as 127.0.0.1, 0.0.0.0 or [::]; names are not looked up',
    )
  }
  return bare.includes('%') ? bare : (canonicalIp(bare) ?? bare) // a link-local address needs its zone
}

function parseCidr(text: string): string {
  const ip = canonicalIp(text)
  if (ip !== null && !text.includes('/')) return `${ip}/${isIPv6(ip) ? 128 : 32}`
  const [address = '', width = ''] = text.split('/')
  if (isIP(address) === 0 || !/^\d+$/.test(width) || !ipaddr.isValidCIDR(text)) {
    throw new RangeError('must be an address or a CIDR range, such as 192.0.2.0/24 or 2001:db8::/32')
  }
  return `${canonicalIp(address) ?? address}/${Number(width)}`
}

function parseHostName(text: string): string {
  const host = text.toLowerCase()
  if (
    isIP(host) !== 0 ||
    /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(host)
  )
    return host
  throw new RangeError('must be a host name alone, without http:// and port, such as sentrypeer.example.net')
}

function parseSyslogTarget(text: string): string {
  if (text === 'system') return text
  if (!text.startsWith('udp:')) throw new RangeError('must be system or udp:ADDRESS:PORT, such as udp:192.0.2.10:514')
  const { host, port } = parseHostPort(text.slice(4), 'udp:192.0.2.10:514')
  if (port === 0) throw new RangeError('the port must be from 1 to 65535')
  const ip = canonicalIp(host)
  if (ip === null) {
    throw new RangeError('must name an IP address, such as udp:192.0.2.10:514; names are not looked up')
  }
  return `udp:${formatHostPort(ip, port)}`
}

function parsePath(text: string, base: string): string {
  if (text.includes('\0')) throw new RangeError('must not hold a NUL character')
  return resolve(base, /^~(?=[/\\]|$)/.test(text) ? homedir() + text.slice(1) : text)
}

/** A name is left as it is; what has it is read later. */
function parsePersonaName(text: string, base: string): string {
  return isPersonaFile(text) ? parsePath(text, base) : text
}

function parseAddressPersona(text: string, base: string): AddressPersona {
  const [address = '', ...persona] = text.split('=')
  const ip = canonicalIp(address.trim())
  if (ip === null || persona.length === 0) {
    throw new RangeError('must be ADDRESS=NAME, such as 192.0.2.10=freeswitch or 2001:db8::10=kamailio')
  }
  return { address: ip, persona: parsePersonaName(persona.join('=').trim(), base) }
}

/** The inverse of `parseAddressPersona`. */
export function formatAddressPersona({ address, persona }: AddressPersona): string {
  return `${address}=${persona}`
}

const READERS: Readonly<Record<Form, (text: string, base: string) => unknown>> = {
  folder: parsePath,
  file: parsePath,
  'sip-listen': parseSipListen,
  cidr: parseCidr,
  address: parseAddress,
  'host-name': parseHostName,
  'syslog-target': parseSyslogTarget,
  persona: parsePersonaName,
  'address-persona': parseAddressPersona,
}

/** What would be right for a setting, in words. */
export function rightValue({ type, enum: choices, minimum, maximum, examples }: LeafSchema): string {
  if (choices !== undefined) return `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
  if (type === 'boolean') return 'must be true or false'
  if (type === 'integer') return `must be a whole number from ${minimum} to ${maximum}, such as ${examples[0]}`
  if (type === 'array') return `must be a list of texts, such as ${JSON.stringify(examples[0])}`
  return `must be a text, such as ${JSON.stringify(examples[0])}`
}

/** Whether the value has the kind and the range that the schema asks for; forms are not looked at. */
export function hasRightKind({ type, enum: choices, minimum, maximum }: LeafSchema, value: unknown): boolean {
  if (choices !== undefined) return typeof value === 'string' && choices.includes(value)
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'integer')
    return Number.isInteger(value) && (value as number) >= minimum! && (value as number) <= maximum!
  if (type === 'array') return Array.isArray(value) && value.every((item) => typeof item === 'string')
  return typeof value === 'string'
}

/**
 * Checks a value and gives it the shape that `Config` has: listeners read, paths absolute, addresses canonical.
 * `base` is the folder that relative paths start from. Throws RangeError, saying why and what would be right.
 */
export function readValue(schema: LeafSchema, value: unknown, base: string): unknown {
  if (!hasRightKind(schema, value)) {
    const near = schema.enum && typeof value === 'string' ? nearest(value, schema.enum) : null
    throw new RangeError(rightValue(schema) + (near === null ? '' : `; did you mean ${near}?`))
  }
  if (schema.form === undefined) return value
  const reader = READERS[schema.form]
  if (schema.type === 'array') return (value as string[]).map((item) => readItem(reader, item, base))
  if (value === '') throw new RangeError(`must not be empty; ${rightValue(schema)}`)
  return reader(value as string, base)
}

function readItem(reader: (text: string, base: string) => unknown, item: string, base: string): unknown {
  try {
    return reader(item, base)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(`${JSON.stringify(item)}: ${error.message}`, { cause: error })
  }
}
