// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Bytes that the head of a request is read from at most. */
export const REQUEST_HEAD_SIZE_MAX = 8_192

/** The head of an HTTP/1 request: its first line and its fields. RFC 9112 §3, §5. */
export type RequestHead = {
  readonly method: string
  readonly target: string
  /** By lower-case name; the values of one name joined by commas, as RFC 9110 §5.3 has it. */
  readonly fields: ReadonlyMap<string, string>
  readonly size: number // bytes, with the blank line
}

const METHOD_SIZE_MAX = 32
const LF = 0x0a
const UPGRADE = /\nupgrade:[ \t]*websocket[ \t]*(?:\r?\n|\r?$)/i
const START = /^[A-Z]{1,32} \S{1,8000} HTTP\/1\.\d\r?$/

/** Reads it. `need-more` while it may become one, `bad` when its first line is right and the rest is not. Never throws. */
export function readRequestHead(bytes: Uint8Array): RequestHead | 'need-more' | 'not-http' | 'bad' {
  const text = latin1(bytes, 0, REQUEST_HEAD_SIZE_MAX)
  const isFull = bytes.length >= REQUEST_HEAD_SIZE_MAX
  const lineEnd = text.indexOf('\n')
  if (lineEnd < 0) return !isFull && couldStart(text) ? 'need-more' : 'not-http'
  const startLine = text.slice(0, lineEnd)
  if (!START.test(startLine)) return 'not-http'
  const end = /\r?\n\r?\n/.exec(text)
  if (end === null) return isFull ? 'bad' : 'need-more'
  const [method = '', target = ''] = startLine.split(' ')
  const fields = new Map<string, string>()
  for (const line of text.slice(lineEnd + 1, end.index).split('\n')) {
    if (line.trim() === '') continue // no fields at all
    const field = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*\r?$/.exec(line)
    if (field === null) return 'bad'
    const name = field[1]!.toLowerCase()
    const before = fields.get(name)
    fields.set(name, before === undefined ? field[2]! : `${before}, ${field[2]}`)
  }
  return { method, target, fields, size: end.index + end[0].length }
}

/** Whether the bytes begin with a request that asks for a WebSocket (RFC 6455 §4.1); its end may be missing. */
export function asksForWebSocket(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes[0]! < 0x41 || bytes[0]! > 0x5a) return false // a capital, as methods of HTTP have
  const lineEnd = bytes.indexOf(LF)
  if (lineEnd < 0 || !START.test(latin1(bytes, 0, lineEnd))) return false
  return UPGRADE.test(latin1(bytes, lineEnd, REQUEST_HEAD_SIZE_MAX))
}

function latin1({ buffer, byteOffset, length }: Uint8Array, start: number, end: number): string {
  const stop = Math.min(end, length, REQUEST_HEAD_SIZE_MAX)
  return Buffer.from(buffer, byteOffset, length).toString('latin1', start, stop)
}

function couldStart(text: string): boolean {
  const space = text.indexOf(' ')
  const method = space < 0 ? text : text.slice(0, space)
  return method.length <= METHOD_SIZE_MAX && /^[A-Z]*$/.test(method)
}
