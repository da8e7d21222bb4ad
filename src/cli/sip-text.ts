// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const BLANK_LINE = /\r?\n\r?\n/
const CREDENTIALS = /^(?:proxy-)?authorization[ \t]*:/im
const STATUS_LINE = /^\s*SIP\/\d\.\d +(\d{3})\b/i

/** Whether a message as the API shows it, with its credentials hidden or not, offered some. */
export const offersCredentials = (raw: string): boolean => CREDENTIALS.test(headOf(raw))

/** The status of a response, as text; null when it has none. */
export const statusOf = (raw: string): string | null => STATUS_LINE.exec(raw)?.[1] ?? null

/** The m= lines of a session description, each with the address it is for. RFC 8866 §5.7, §5.14. */
export function mediaLines(raw: string): string[] {
  const body = raw.slice(headOf(raw).length)
  const lines = body.split(/\r?\n/)
  const firstMedia = lines.findIndex((line) => line.startsWith('m='))
  if (firstMedia === -1) return []
  const common = connectionIn(lines.slice(0, firstMedia))
  return lines.flatMap((line, i) => {
    if (!line.startsWith('m=')) return []
    const next = lines.findIndex((other, j) => j > i && other.startsWith('m='))
    const connection = connectionIn(lines.slice(i, next === -1 ? lines.length : next)) ?? common
    return connection === null ? line : `${line} ${connection}`
  })
}

const connectionIn = (lines: readonly string[]): string | null => lines.find((line) => line.startsWith('c=')) ?? null

function headOf(raw: string): string {
  const end = BLANK_LINE.exec(raw.trimStart())
  return end === null ? raw : raw.slice(0, raw.length - raw.trimStart().length + end.index)
}
