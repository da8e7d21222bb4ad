// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** One event of a stream. `data` is '' when it only moved the id. */
export type ServerEvent = {
  readonly name: string // 'message' unless the stream names it
  readonly data: string
  readonly id: string | null // null: it carries none
  readonly retryMs: number | null // how long to wait before coming back, if it says
}

const EVENT_SIZE_MAX = 4 * 1024 * 1024 // characters; more than any event has

/**
 * Server-sent events (WHATWG HTML §9.2.6) out of a response body. Blocks without data are given too, since their id
 * says where to resume. Throws when nothing comes for `silenceMs`, or when one event has no end.
 */
export async function* serverEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<ServerEvent, void, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let pending = ''
  try {
    for (;;) {
      const { done, value } = await withinTime(reader.read(), silenceMs)
      if (done) return
      const blocks = (pending + decoder.decode(value, { stream: true })).split(/\r\n\r\n|\n\n|\r\r/)
      pending = blocks.pop()!
      if (pending.length > EVENT_SIZE_MAX) throw new Error('the stream sent an event without an end')
      for (const block of blocks) yield parseBlock(block)
    }
  } finally {
    reader.cancel().catch(() => {}) // it may have failed already, which has been thrown
  }
}

async function withinTime<T>(promise: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`nothing came for ${ms / 1000} seconds`)), ms)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function parseBlock(block: string): ServerEvent {
  let name = 'message'
  let id: string | null = null
  let retryMs: number | null = null
  const data: string[] = []
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') name = value
    else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) retryMs = Number(value)
  }
  return { name, data: data.join('\n'), id, retryMs }
}
