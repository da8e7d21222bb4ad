// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Every way in which starting or running a node can fail. docs/errors.md is generated from this table. */
export const ERRORS = {
  CONFIG_INVALID: 'The configuration is wrong',
  STATE_UNWRITABLE: 'Cannot write to the state folder',
  STATE_LOCKED: 'Cannot open the state folder: another node holds it',
  STATE_TOO_NEW: 'Cannot open the state folder: a newer version wrote it',
  INDEX_CORRUPT: 'Cannot read the index',
  PORT_IN_USE: 'Cannot listen: the address is taken',
  LISTEN_FAILED: 'Cannot listen',
  LOG_FAILED: 'Cannot write the log',
  NODE_UNREACHABLE: 'Cannot reach a running node',
  RECORD_REFUSED: 'Cannot record the message',
  API_REFUSED: 'The node refused the request',
} as const
export type ErrorCode = keyof typeof ERRORS

/** An operation that failed, with what to do about it in its detail. Never thrown for hostile bytes. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError'
  readonly code: ErrorCode
  readonly detail: string

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(`${ERRORS[code]}: ${detail}`, options)
    this.code = code
    this.detail = detail
  }
}
