// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const QUOTED_LENGTH_MAX = 100

/** A value from outside as an error shows it: in quotes, and no longer than a line. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= QUOTED_LENGTH_MAX ? text : `${text.slice(0, QUOTED_LENGTH_MAX)}…`
}
