// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buildPrograms, type Programs } from './native.ts'
import type { Options } from './options.ts'
import { plainMessages, type TrafficKind, variedMessages, writeTraffic } from './traffic.ts'

const KILL_PATIENCE_MS = 2000

/**
 * What all modes share: a folder that goes at the end, children that end with it, the time that is left, and what is
 * made once for all of them.
 */
export class World implements AsyncDisposable {
  readonly options: Options
  readonly dir = mkdtempSync(path.join(tmpdir(), 'sentrypeer-bench-'))
  readonly signal: AbortSignal
  readonly #say: (line: string) => void
  readonly #children = new Set<ChildProcess>()
  readonly #once = new Map<string, unknown>()
  #stateCount = 0
  #endsAt = Number.POSITIVE_INFINITY

  constructor(options: Options, deps: { signal: AbortSignal; say: (line: string) => void }) {
    this.options = options
    this.signal = deps.signal
    this.#say = deps.say
    process.once('exit', this.#onExit)
  }

  /** For an end that comes by a bug: nothing is left running or lying about even then. */
  readonly #onExit = (): void => {
    for (const child of this.#children) child.kill('SIGKILL')
    this.remove(this.dir)
  }

  /** A line of progress. */
  say(line: string): void {
    this.#say(line)
  }

  /** From now on there is so much time. */
  limit(endsAt: number): void {
    this.#endsAt = endsAt
  }

  /** Whether something that takes so long may still begin. */
  hasTime(seconds: number): boolean {
    return performance.now() + seconds * 1000 < this.#endsAt
  }

  /** What `make` gives, made by the first who asks. */
  once<T>(key: string, make: () => T): T {
    if (!this.#once.has(key)) this.#once.set(key, make())
    return this.#once.get(key) as T
  }

  programs(): Programs {
    return this.once('programs', buildPrograms)
  }

  /** The path of a file of that traffic. */
  traffic(kind: TrafficKind): string {
    return this.once(`traffic ${kind}`, () => {
      const file = path.join(this.dir, `${kind}.traffic`)
      writeTraffic(file, kind === 'plain' ? plainMessages() : variedMessages())
      return file
    })
  }

  /** A folder for the state of one node. */
  stateDir(): string {
    const dir = path.join(this.dir, `state-${++this.#stateCount}`)
    mkdirSync(dir, { mode: 0o700 })
    return dir
  }

  remove(dir: string): void {
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }

  /** Starts a child that ends with the world. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    this.signal.throwIfAborted()
    const child = spawn(command, args, options)
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  /** Ends the children, each by its id. */
  async endChildren(): Promise<void> {
    const ended = [...this.#children].map((child) => once(child, 'exit'))
    for (const child of this.#children) child.kill('SIGKILL')
    await Promise.race([Promise.all(ended), new Promise((resolve) => setTimeout(resolve, KILL_PATIENCE_MS).unref())])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endChildren()
    this.remove(this.dir)
    process.off('exit', this.#onExit)
  }
}
