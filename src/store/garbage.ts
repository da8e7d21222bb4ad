// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Gives back the memory that the start of this thread needed and nothing uses any more. A node at rest allocates so little
 * that the collector would not come to it for hours. It holds the thread up for some tens of milliseconds, so it is for
 * the end of a start alone.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc') // only a context made after that has it, and no such one is kept
  const gc = runInNewContext('gc') as NodeJS.GCFunction
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  trimAllocator()
}

/** The allocator of glibc keeps what was freed, a thread's each for itself. Other C libraries have no such call. */
function trimAllocator(): void {
  const ffi = process.platform === 'linux' ? process.getBuiltinModule('node:ffi') : undefined
  try {
    ffi?.dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } }).functions.malloc_trim(0n)
  } catch {
    // it is another one, or --permission forbids the call: then the memory stays with the process
  }
}
