// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What stands in the place of credentials that are not shown. */
export const HIDDEN_CREDENTIALS = '[credentials: needs a key]'

/**
 * A line that starts like an Authorization or Proxy-Authorization header, up to the line end that no folded line
 * follows (RFC 3261 §7.3.1). Neither has a compact form (RFC 3261 §20). Liberal on purpose: any case, space before the
 * colon, a lone CR is no end, and not only in the header section, since the framing of hostile bytes is anybody's guess.
 */
const CREDENTIALS =
  /((?:^|[\r\n])[ \t]*(?:proxy-)?authorization(?:[ \t]|\r?\n[ \t]|\r[ \t])*:)(?:[^\n]|\n[ \t])*?(?=\r?\n(?![ \t])|$)/gi

/** The bytes with the values of those headers replaced; the very same bytes when there are none. */
export function hideCredentials(raw: Uint8Array): Uint8Array {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1')
  const hidden = text.replace(CREDENTIALS, (_whole: string, name: string) => `${name} ${HIDDEN_CREDENTIALS}`)
  return hidden === text ? raw : Buffer.from(hidden, 'latin1')
}
