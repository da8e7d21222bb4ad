// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * How sure we are that a packet came from its source address, weakest first.
 * `none`: a lone UDP datagram, which anybody can forge. `echo`: it returned a token that only our packet carried.
 * `transport`: a TCP, TLS or WebSocket handshake completed.
 */
export const SOURCE_VALIDATIONS = ['none', 'echo', 'transport'] as const
export type SourceValidation = (typeof SOURCE_VALIDATIONS)[number]

/** The stronger of two; the best that was ever seen of a source is the one kept. */
export function strongerValidation(a: SourceValidation, b: SourceValidation): SourceValidation {
  return SOURCE_VALIDATIONS.indexOf(a) >= SOURCE_VALIDATIONS.indexOf(b) ? a : b
}
