// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DaemonError } from '../core/errors.ts'

export type LineFileOptions = {
  readonly file: string
  readonly sizeMax: number // bytes, from which the file is moved to file.1
  readonly keepFiles: number // how many moved files are kept
}

export type LineFileDeps = {
  onTrouble(text: string): void
  /** Once aborted, nobody is kept waiting for a file that cannot be written. */
  readonly signal?: AbortSignal | undefined
  readonly retryMs?: number // first pause after an error; doubles up to a minute
  readonly checkMs?: number // how often it is checked whether the file was moved away
}

export type LineFile = AsyncDisposable & { write(line: string): void | Promise<void> }

const CHUNK_SIZE = 256 * 1024 // bytes written at a time, about
const QUEUE_SIZE_MAX = 1024 * 1024 // characters; whoever writes is asked to wait from here
const CHECK_MS = 1000
const RETRY_MS = 1000
const RETRY_MS_MAX = 60_000
const MODE = 0o640 // messages hold what attackers typed, so not for everybody

/** Appends lines to a file. Throws DaemonError LOG_FAILED when it cannot be opened at first. */
export async function openLineFile(options: LineFileOptions, deps: LineFileDeps): Promise<LineFile> {
  const writer = new LineWriter(options, deps)
  try {
    await makeFolder(dirname(options.file))
    await writer.open()
  } catch (cause) {
    const { message } = cause as Error
    throw new DaemonError('LOG_FAILED', `${options.file}: ${message}. Choose a file in a writable folder`, { cause })
  }
  return {
    write: (line) => writer.write(line),
    [Symbol.asyncDispose]: () => writer.close(),
  }
}

/** One by one: with `recursive`, Node tries for ever in a folder that takes no others, as /proc, which says ENOENT. */
async function makeFolder(dir: string): Promise<void> {
  if (existsSync(dir)) return
  const parent = dirname(dir)
  if (parent !== dir) await makeFolder(parent)
  await mkdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error // another process has just made it
  })
}

class LineWriter {
  readonly #options: LineFileOptions
  readonly #deps: LineFileDeps
  #handle: FileHandle | undefined
  #inode = 0
  #size = 0 // of the file
  #isRegular = true // and not a pipe or a terminal, which are never moved
  #lines: string[] = [] // not yet taken for writing
  #queuedSize = 0 // characters of them
  #chunk: Buffer | null = null // being written
  #written = 0 // bytes of it
  #checkedAt = 0 // ms, monotonic
  #isClosing = false
  #trouble: string | null = null
  #lostCount = 0 // lines
  #running: Promise<void> | null = null
  #drained = Promise.withResolvers<void>()
  #wakeRetry: (() => void) | undefined

  constructor(options: LineFileOptions, deps: LineFileDeps) {
    this.#options = options
    this.#deps = deps
    deps.signal?.addEventListener('abort', () => this.#hurry(), { once: true })
  }

  async open(): Promise<void> {
    const handle = await open(this.#options.file, 'a+', MODE)
    const stats = await handle.stat()
    const { size } = stats
    this.#handle = handle
    this.#inode = stats.ino
    this.#isRegular = stats.isFile()
    this.#size = size
    this.#checkedAt = performance.now()
    if (size > 0 && !(await endsLine(handle, size))) this.#size += (await handle.write('\n')).bytesWritten
  }

  write(line: string): void | Promise<void> {
    const isHopeless = this.#trouble !== null && this.#deps.signal?.aborted === true
    if (this.#isClosing || isHopeless) {
      this.#lostCount++
      return
    }
    this.#lines.push(line)
    this.#queuedSize += line.length
    this.#running ??= this.#run()
    if (this.#queuedSize > QUEUE_SIZE_MAX) return this.#drained.promise
  }

  async close(): Promise<void> {
    this.#isClosing = true
    this.#wakeRetry?.()
    await this.#running
    await this.#handle?.close()
    const lost = this.#lostCount + this.#lines.length + this.#linesLeftInChunk()
    if (lost === 0) return
    this.#deps.onTrouble(`${lost} lines were not written to ${this.#options.file}; the journal has their events`)
  }

  #linesLeftInChunk(): number {
    if (this.#chunk === null) return 0
    return this.#chunk.subarray(this.#written).reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 0)
  }

  #hurry(): void {
    this.#wakeRetry?.()
    if (this.#trouble !== null) this.#release()
  }

  /** Writes until nothing is left. After an error it tries again; when closing, once. */
  async #run(): Promise<void> {
    await null // let the caller store the promise, and gather the lines of one turn
    let pauseMs = this.#deps.retryMs ?? RETRY_MS
    while (this.#chunk !== null || this.#lines.length > 0) {
      try {
        await this.#writeChunk()
        this.#trouble = null
        pauseMs = this.#deps.retryMs ?? RETRY_MS
      } catch (error) {
        this.#report(error as NodeJS.ErrnoException)
        if (this.#isClosing) break
        await this.#pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX)
      }
      if (this.#queuedSize <= QUEUE_SIZE_MAX || this.#deps.signal?.aborted === true) this.#release()
    }
    this.#running = null
    this.#release()
  }

  #release(): void {
    this.#drained.resolve()
    this.#drained = Promise.withResolvers()
  }

  async #writeChunk(): Promise<void> {
    await this.#follow()
    this.#chunk ??= this.#takeChunk()
    if (this.#chunk === null) return
    if (this.#isFull(this.#chunk.length)) await this.#rotate()
    while (this.#written < this.#chunk.length) {
      const { bytesWritten } = await this.#handle!.write(this.#chunk, this.#written)
      this.#written += bytesWritten
      this.#size += bytesWritten
    }
    this.#chunk = null
    this.#written = 0
  }

  #isFull(size: number): boolean {
    return this.#isRegular && this.#written === 0 && this.#size > 0 && this.#size + size > this.#options.sizeMax
  }

  #takeChunk(): Buffer | null {
    let size = 0
    let count = 0
    while (count < this.#lines.length && size < CHUNK_SIZE) size += this.#lines[count++]!.length
    if (count === 0) return null
    const lines = this.#lines.splice(0, count)
    this.#queuedSize -= size
    return Buffer.from(`${lines.join('\n')}\n`)
  }

  /** Opens the file again when it is not open, or when another program moved it away. */
  async #follow(): Promise<void> {
    if (this.#handle !== undefined) {
      if (performance.now() - this.#checkedAt < (this.#deps.checkMs ?? CHECK_MS)) return
      this.#checkedAt = performance.now()
      if (await this.#isInPlace(this.#handle)) return
    }
    await this.#reopen()
  }

  async #isInPlace(handle: FileHandle): Promise<boolean> {
    const { size } = await handle.stat()
    this.#size = size // smaller when it was truncated in place
    const found = await stat(this.#options.file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return found?.ino === this.#inode
  }

  async #reopen(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
    await this.open()
    // A line whose first half went to the old file starts again in the new one.
    if (this.#chunk !== null && this.#written > 0) this.#written = this.#chunk.lastIndexOf(0x0a, this.#written - 1) + 1
  }

  async #rotate(): Promise<void> {
    const { file, keepFiles } = this.#options
    const name = (i: number) => (i === 0 ? file : `${file}.${i}`)
    await rm(name(keepFiles), { force: true })
    for (let i = keepFiles - 1; i >= 0; i--) {
      await rename(name(i), name(i + 1)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
    }
    await this.#reopen()
  }

  /** Once for each spell of trouble, since every try fails the same way. */
  #report(error: NodeJS.ErrnoException): void {
    if (this.#trouble === null) {
      const advice = ADVICE[error.code ?? ''] ?? 'Make the file writable again'
      const text = `Cannot write ${this.#options.file}: ${error.message}. ${advice}; it is tried again, and events wait`
      this.#deps.onTrouble(text)
    }
    this.#trouble = error.message
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#wakeRetry = undefined
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wakeRetry = done
    })
  }
}

const ADVICE: Record<string, string> = {
  ENOSPC: 'Free space on that disk',
  EDQUOT: 'Free space in that quota',
  EROFS: 'Mount the folder writable, or choose another file',
  EACCES: 'Give the node the right to write there, or choose another file',
  EPERM: 'Give the node the right to write there, or choose another file',
}

/** False when the last line was cut off, by a crash or a full disk. */
async function endsLine(handle: FileHandle, size: number): Promise<boolean> {
  const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 })
  return bytesRead === 0 || buffer[0] === 0x0a
}
