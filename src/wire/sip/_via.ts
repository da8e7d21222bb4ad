// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isToken, trimBlank } from './_bytes.ts'
import { listItemEnd, quotedEnd } from './_list.ts'
import { parseHeaderParameters, parseHostPort } from './uri.ts'

/** One Via value. RFC 3261 §20.42. */
export type Via = {
  readonly protocol: string // as `SIP/2.0/UDP`, white space around the slashes left out
  readonly host: string // with the brackets of an IPv6 address
  readonly port: number | null
  readonly parameters: ReadonlyMap<string, string> // names in lower case; '' when there is no value
}

/** The first Via value of a header line; null when it is none. */
export function parseVia(line: string): Via | null {
  const value = trimBlank(line.slice(0, listItemEnd(line, 0)))
  const semicolon = value.indexOf(';')
  const head = semicolon < 0 ? value : value.slice(0, semicolon)
  const [name, version, rest, ...more] = head.split('/', 4).map(trimBlank)
  if (rest === undefined || more.length > 0) return null
  const space = rest.search(/[ \t]/)
  if (space < 0) return null
  const transport = rest.slice(0, space)
  if (!isToken(name!) || !isToken(version!) || !isToken(transport)) return null
  const place = parseHostPort(rest.slice(space).replace(/[ \t]+/g, ''))
  const parameters = semicolon < 0 ? new Map<string, string>() : parseHeaderParameters(value.slice(semicolon))
  return place && parameters && { protocol: `${name}/${version}/${transport}`, ...place, parameters }
}

/**
 * A Via line with the source in its first value (RFC 3261 §18.2.1, RFC 3581 §4): `received` when the host differs or
 * rport was asked for, `rport` then. A received or rport value that the client wrote is replaced: it is for us to say.
 * A line that is no Via comes back as it is.
 */
export function viaWithSource(line: string, received: string, receivedPort: number): string {
  const via = parseVia(line)
  if (via === null) return line
  const end = listItemEnd(line, 0)
  const isAsked = via.parameters.has('rport')
  const differs = withoutBrackets(via.host) !== received.toLowerCase()
  const parts = viaParts(line.slice(0, end)).filter((part) => !/^(?:received|rport)(?:[ \t=]|$)/i.test(part))
  if (isAsked || differs) parts.push(`received=${received}`)
  if (isAsked) parts.push(`rport=${receivedPort}`)
  return parts.join(';') + line.slice(end)
}

function withoutBrackets(host: string): string {
  return (host.startsWith('[') ? host.slice(1, -1) : host).toLowerCase()
}

/** A Via value cut at the semicolons outside quoted strings, each part as it was but trimmed: sent-by, then parameters. */
function viaParts(value: string): string[] {
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if (character === 0x22) at = quotedEnd(value, at) - 1
    else if (character === 0x3b) {
      parts.push(trimBlank(value.slice(from, at)))
      from = at + 1
    }
  }
  parts.push(trimBlank(value.slice(from)))
  return parts
}
