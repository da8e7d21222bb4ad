// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { World } from './world.ts'

const TICKS_PER_SECOND = 100 // USER_HZ, which is the same on all Linux machines that Node knows
const KEPT_ERROR_SIZE = 4000 // characters

/** A child that tells what it has to say as lines of JSON. */
export class JsonChild {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #name: string
  #errors = ''

  constructor(world: World, command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#name = command
    this.child = world.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    this.child.stderr?.on('data', (chunk) => {
      this.#errors = `${this.#errors}${chunk}`.slice(-KEPT_ERROR_SIZE)
    })
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]()
  }

  /** The next line; throws when the child ends without one. */
  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next()
    if (done !== true) return JSON.parse(value) as T
    throw new Error(
      `${this.#name} ended without an answer (${this.child.exitCode ?? this.child.signalCode})\n${this.#errors}`,
    )
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** CPU seconds that the process has used so far, all its threads together. */
  cpuSeconds(): number {
    // The name, in brackets, may hold spaces: fields are counted behind it. proc_pid_stat(5): utime is 14, stime 15.
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  /** Bytes of memory in use now. */
  rssSize(): number {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'latin1'))?.[1]
    return Number(kib) * 1024
  }
}

/** Runs a program to its end and reads the one line that it says. */
export async function runJson<T>(world: World, command: string, args: readonly string[]): Promise<T> {
  return new JsonChild(world, command, args).next<T>()
}
