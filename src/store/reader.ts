// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Worker } from 'node:worker_threads'
import type { ReaderAnswer, ReaderCall, ReaderRequest, ReaderResult } from './messages.ts'

/** Resolves when the thread has ended, also when it does so before anybody asks. */
export function exitOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve) => worker.once('exit', resolve))
}

/** Questions that may wait for the reader thread; one more is refused. */
export const READER_WAITING_MAX = 1000

/** The main thread's end of the reader thread, which begins with the first question: a node that is asked none saves its memory. */
export class Reader implements AsyncDisposable {
  readonly #spawn: () => Worker
  readonly #onFatal: (error: Error) => void
  #worker: Worker | null = null
  readonly #waiting = new Map<number, { resolve(result: ReaderResult): void; reject(error: Error): void }>()
  #exited: Promise<unknown> = Promise.resolve()
  #token = 0
  #stopping = false

  /** `onFatal`: a bug ended the thread, so that nothing can be read any more. */
  constructor(spawn: () => Worker, onFatal: (error: Error) => void) {
    this.#spawn = spawn
    this.#onFatal = onFatal
  }

  #begin(): Worker {
    const worker = this.#spawn()
    this.#exited = exitOf(worker)
    worker.on('message', (answer: ReaderAnswer) => this.#settle(answer))
    const end = (error: Error): void => {
      this.#rejectAll(error)
      if (!this.#stopping) this.#onFatal(error)
    }
    worker.on('error', (error) => end(error as Error))
    worker.on('exit', () => end(new Error('The reader thread has ended')))
    return worker
  }

  ask(call: ReaderCall): Promise<ReaderResult> {
    if (this.#stopping) return Promise.reject(new Error('Cannot read: the store is closing'))
    if (this.#waiting.size >= READER_WAITING_MAX) {
      return Promise.reject(new Error(`Cannot read: ${READER_WAITING_MAX} questions wait already`))
    }
    const { promise, resolve, reject } = Promise.withResolvers<ReaderResult>()
    const token = ++this.#token
    this.#waiting.set(token, { resolve, reject })
    const request: ReaderRequest = { token, call }
    this.#worker ??= this.#begin()
    this.#worker.postMessage(request)
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    this.#worker?.postMessage('stop')
    await this.#exited
  }

  #settle(answer: ReaderAnswer): void {
    const waiting = this.#waiting.get(answer.token)
    this.#waiting.delete(answer.token)
    if ('error' in answer) waiting?.reject(new Error(answer.error))
    else waiting?.resolve(answer.result)
  }

  #rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
