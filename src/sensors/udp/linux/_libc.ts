// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { endianness, constants as osConstants } from 'node:os'

type Ffi = typeof import('node:ffi')

const INT = 'i32'
const POINTER = 'pointer' // the address as a bigint, or a buffer
const DEFINITIONS = {
  socket: { arguments: [INT, INT, INT], return: INT },
  bind: { arguments: [INT, POINTER, 'u32'], return: INT },
  getsockname: { arguments: [INT, POINTER, POINTER], return: INT },
  setsockopt: { arguments: [INT, INT, INT, POINTER, 'u32'], return: INT },
  getsockopt: { arguments: [INT, INT, INT, POINTER, POINTER], return: INT },
  close: { arguments: [INT], return: INT },
  poll: { arguments: [POINTER, 'u64', INT], return: INT },
  recvmmsg: { arguments: [INT, POINTER, 'u32', INT, POINTER], return: INT },
  sendmmsg: { arguments: [INT, POINTER, 'u32', INT], return: INT },
  __errno_location: { arguments: [], return: POINTER },
} as const

function load(ffi: Ffi) {
  const { functions } = ffi.dlopen(null, DEFINITIONS) // Node itself brings the C library, glibc or musl
  return {
    ...functions,
    /** Where a buffer lies. Whoever tells the system must keep the buffer referenced for as long as the system may use it. */
    addressOf: (buffer: Buffer): bigint => ffi.getRawPointer(buffer),
    /** The error of the call just made. */
    errno: (): number => ffi.getInt32(functions.__errno_location()),
  }
}

/** The calls of the C library for which Node has no function of its own. */
export type Libc = ReturnType<typeof load>

let libc: Libc | null | undefined

/**
 * Null where it cannot be called: other systems than Linux, other layouts than that of 64-bit little-endian machines
 * (whose structures glibc and musl share), a Node without node:ffi, or one that may not use it.
 */
export function openLibc(): Libc | null {
  if (libc !== undefined) return libc
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && endianness() === 'LE'
  const ffi: Ffi | undefined = isKnown ? process.getBuiltinModule('node:ffi') : undefined
  try {
    libc = ffi === undefined ? null : load(ffi)
  } catch {
    libc = null // a symbol is missing, or --permission forbids it: node:dgram does the same, only slower
  }
  return libc
}

/** An error as Node itself throws it for a system call. */
export function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code = Object.entries(osConstants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`
  return Object.assign(new Error(`${call} ${code}`), { code, errno: -errno, syscall: call })
}
