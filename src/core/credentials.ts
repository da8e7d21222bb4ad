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

/** A tag, wherever it stands, that may be the hex in which svcrack writes the user and password that it tries. */
const TAG = /(\btag\s*=\s*"?)((?:[0-9a-f]{2}){4,})/gi

/** The bytes with the values of those headers and tags replaced; the very same bytes when there are none. */
export function hideCredentials(raw: Uint8Array): Uint8Array {
  const text = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('latin1')
  const hidden = hideTags(text.replace(CREDENTIALS, (_whole: string, name: string) => `${name} ${HIDDEN_CREDENTIALS}`))
  return hidden === text ? raw : Buffer.from(hidden, 'latin1')
}

/** The text with those tags replaced. */
export function hideTags(text: string): string {
  return text.replace(TAG, (whole: string, name: string, hex: string) =>
    isSecret(hex) ? name + HIDDEN_CREDENTIALS : whole,
  )
}

/** Whether it is the hex of something with a colon and behind that the byte 01, as svcrack has it. */
function isSecret(hex: string): boolean {
  const text = Buffer.from(hex, 'hex').toString('latin1')
  const colon = text.indexOf(':')
  return colon >= 0 && text.lastIndexOf('\u0001') > colon
}
