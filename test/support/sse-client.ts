// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { get, type IncomingMessage } from 'node:http'

export type SseFrame = {
  readonly id?: string
  readonly event?: string
  readonly data?: string
  readonly comment?: string
}

export type SseClient = AsyncDisposable & {
  readonly response: IncomingMessage
  /** The next frame that has one of those events; undefined when the stream ended before. */
  next(...events: string[]): Promise<SseFrame | undefined>
  /** The next frame of any kind. */
  nextFrame(): Promise<SseFrame | undefined>
}

/** Listens to server-sent events, and reads no further than it is asked to. */
export async function openSse(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = get(url, { headers, agent: false }, resolve).on('error', reject)
  const response = await promise
  response.setEncoding('utf8')
  const chunks = response[Symbol.asyncIterator]() as AsyncIterator<string>
  let text = ''
  const nextFrame = async (): Promise<SseFrame | undefined> => {
    for (let end = text.indexOf('\n\n'); end === -1; end = text.indexOf('\n\n')) {
      const chunk = await chunks.next().catch(() => ({ done: true as const, value: '' }))
      if (chunk.done === true) return undefined
      text += chunk.value
    }
    const end = text.indexOf('\n\n')
    const frame = parseFrame(text.slice(0, end))
    text = text.slice(end + 2)
    return frame
  }
  return {
    response,
    nextFrame,
    next: async (...events) => {
      for (let frame = await nextFrame(); frame !== undefined; frame = await nextFrame()) {
        if (frame.event !== undefined && events.includes(frame.event)) return frame
      }
      return undefined
    },
    [Symbol.asyncDispose]: async () => {
      request.destroy()
      response.destroy()
    },
  }
}

function parseFrame(block: string): SseFrame {
  const frame: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    frame[colon === 0 ? 'comment' : line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '')
  }
  return frame
}
