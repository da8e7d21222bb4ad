// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isToken } from './_bytes.ts'
import { listItemEnd, quotedEnd } from './_list.ts'
import { parseHeaderParameters, parseHostPort } from './uri.ts'

/** One Via value. RFC 3261 §20.42. */
export type Via = {
  readonly protocol: string // as `SIP/2.0/UDP`, white space around the slashes left out
  readonly host: string
  readonly port: number | null
  readonly parameters: ReadonlyMap<string, string>
}

/** The first Via value of a header line; null when it is none. */
export function parseVia(line: string): Via | null {
  const value = line.slice(0, listItemEnd(line, 0)).trim()
  const semicolon = value.indexOf(';')
  const head = semicolon < 0 ? value : value.slice(0, semicolon)
  const parts = head.split('/')
  if (parts.length !== 3) return null
  const [name, version, rest] = parts.map((part) => part.trim())
  const space = rest!.search(/[ \t]/)
  if (space < 0) return null
  const transport = rest!.slice(0, space)
  if (!isToken(name!) || !isToken(version!) || !isToken(transport)) return null
  const place = parseHostPort(rest!.slice(space).replace(/[ \t]+/g, ''))
  const parameters = semicolon < 0 ? new Map<string, string>() : parseHeaderParameters(value.slice(semicolon))
  return place && parameters && { protocol: `${name}/${version}/${transport}`, ...place, parameters }
}

/** A Via value cut at the semicolons outside quoted strings, each part as it was: the sent-by, then the parameters. */
export function viaParts(value: string): string[] {
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < value.length; at++) {
    const character = value.charCodeAt(at)
    if (character === 0x22) at = quotedEnd(value, at) - 1
    else if (character === 0x3b) {
      parts.push(value.slice(from, at).trim())
      from = at + 1
    }
  }
  parts.push(value.slice(from).trim())
  return parts
}
