// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { SyslogSink } from './syslog.ts'

const QUEUE_COUNT_MAX = 1000 // lines
const PAUSE_MS = 1000
const PAUSE_MS_MAX = 60_000
const CLOSE_MS = 500 // what the program gets to send the rest
const SETTLED_MS = 10_000 // a program that ran for so long has done well
const PATH = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/run/current-system/sw/bin'

type Child = ChildProcessByStdio<Writable, null, Readable>

/**
 * Feeds lines to logger(1): the system's log listens on a datagram socket of the AF_UNIX family, which Node does not
 * have. The program starts with the first line, and again, after a while, when it ended.
 */
export function openLoggerProgram(program: readonly string[], deps: { onTrouble(text: string): void }): SyslogSink {
  const feeder = new LoggerFeeder(program, deps.onTrouble)
  return {
    send: (line) => feeder.send(line),
    get droppedCount() {
      return feeder.droppedCount
    },
    [Symbol.asyncDispose]: () => feeder.close(),
  }
}

class LoggerFeeder {
  droppedCount = 0
  readonly #program: readonly string[]
  readonly #onTrouble: (text: string) => void
  #child: Child | null = null
  #startedAt = 0 // ms, monotonic
  #isBlocked = false // the pipe to the program is full
  #isClosed = false
  #queue: string[] = []
  #pauseMs = PAUSE_MS
  #retry: NodeJS.Timeout | undefined
  #isInTrouble = false

  constructor(program: readonly string[], onTrouble: (text: string) => void) {
    this.#program = program
    this.#onTrouble = onTrouble
  }

  send(line: string): void {
    if (this.#isClosed || this.#queue.length >= QUEUE_COUNT_MAX) {
      this.droppedCount++
      this.#report('lines come faster than it takes them, and some are dropped')
      return
    }
    this.#queue.push(line)
    if (this.#child === null && this.#retry === undefined) this.#start()
    this.#feed()
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    this.#isClosed = true
    const child = this.#child
    if (child === null) {
      this.droppedCount += this.#queue.length
      return
    }
    const ended = once(child, 'close')
    if (this.#queue.length > 0) child.stdin.write(`${this.#queue.join('\n')}\n`)
    child.stdin.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS)
    await ended
    clearTimeout(timer)
  }

  #start(): void {
    const [command, ...args] = this.#program
    const child = spawn(command!, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { PATH } })
    this.#child = child
    this.#startedAt = performance.now()
    this.#isBlocked = false
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-500)
    })
    child.stdin.on('drain', () => {
      this.#isBlocked = false
      this.#feed()
    })
    child.stdin.on('error', () => {}) // it went away; 'close' follows and says why
    child.on('error', (error) => {
      complaint = error.message
    })
    child.on('close', (code, signal) => this.#onEnd(complaint.trim() || `it ended with ${signal ?? `code ${code}`}`))
  }

  #feed(): void {
    while (this.#child !== null && !this.#isBlocked && this.#queue.length > 0) {
      const lines = this.#queue.splice(0, 100)
      this.#isBlocked = !this.#child.stdin.write(`${lines.join('\n')}\n`)
    }
  }

  #onEnd(why: string): void {
    this.#child = null
    if (this.#isClosed) return
    if (performance.now() - this.#startedAt >= SETTLED_MS) {
      this.#pauseMs = PAUSE_MS
      this.#isInTrouble = false
    }
    this.#report(why)
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      if (this.#queue.length > 0) this.#start()
      this.#feed()
    }, this.#pauseMs).unref()
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX)
  }

  #report(why: string): void {
    if (this.#isInTrouble) return
    this.#isInTrouble = true
    const advice =
      'Install logger (util-linux or bsdutils) and run a syslog daemon, or set syslog.target to udp:ADDRESS:PORT'
    this.#onTrouble(`The program ${this.#program[0]} does not pass on syslog lines: ${why}. ${advice}`)
  }
}
