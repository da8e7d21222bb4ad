// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** A value as somebody wrote it, unchecked. */
export type Setting = {
  readonly value: unknown
  readonly origin: string // 'file /x.toml', 'environment SENTRYPEER_X', 'flag --x'
  readonly where: string // the origin, with the line if it is a file
  readonly base: string // folder that relative paths start from
}

/** What one of file, environment and flags said. */
export type Source = {
  readonly settings: Map<string, Setting> // by key, 'sip.interaction'
  readonly problems: string[] // what makes the configuration wrong
  readonly notices: string[] // what the operator should hear about
}

export function emptySource(): Source {
  return { settings: new Map(), problems: [], notices: [] }
}
