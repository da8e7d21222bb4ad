// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Where text goes: the part of process.stdout that commands use. `columns` is known of terminals alone. */
export type Output = {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** What a command has of the world. */
export type CliContext = {
  readonly env: NodeJS.ProcessEnv
  readonly stdout: Output
  readonly stderr: Output
  now(): number // ms since epoch
  /** Aborts on Ctrl-C, SIGTERM or SIGHUP. */
  readonly interrupted: AbortSignal
  /** Aborts when nobody reads standard output any more (`sentrypeer tail | head`). */
  readonly outputClosed: AbortSignal
  /** What reading the command line found worth saying; `start` shows it. */
  readonly notices: string[]
  /** Ends the program with this code once the command has returned. */
  setExitCode(code: number): void
}

/** Documented in --help and docs/cli.md. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2, // command line or configuration
  notFound: 3, // what was asked for was not seen
  unreachable: 4, // no node answers
  interrupted: 130, // 128 + SIGINT, as shells count
} as const

/** A command line that is wrong in a way that only the command itself can tell. Ends the program with EXIT.usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const EXIT_CODES_HELP = `Exit codes:
  0  done
  1  it failed
  2  the command line or the configuration is wrong
  3  what was asked for was not seen
  4  no node can be reached`
