// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'
import type { CliContext } from './context.ts'
import { type Paint, painter, printable, type Style } from './terminal.ts'
import { formatLocal } from './time.ts'

/** The node's log on standard error: lines for people, or one JSON object a line. */
export function openLog(config: Config['log'], context: Pick<CliContext, 'env' | 'stderr'>): Logger {
  const { stderr, env } = context
  const options = { level: config.level, base: null }
  const pretty = config.format === 'pretty' || (config.format === 'auto' && stderr.isTTY === true)
  if (!pretty) return pino(options, { write: (line) => void stderr.write(line) })
  const paint = painter(stderr, env)
  const write = (line: string) => {
    if (!TOLD_AT_START.test(line)) stderr.write(formatLogLine(line, paint))
  }
  return pino(options, { write })
}

/** What `start` tells people in its own words, in one place. */
const TOLD_AT_START = /"msg":"The API answers at /

const LEVELS: Readonly<Record<number, readonly [name: string, style: Style]>> = {
  10: ['trace', 'dim'],
  20: ['debug', 'dim'],
  30: ['info', 'green'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
  60: ['fatal', 'red'],
}

/** One line of pino as people read it: time, level, message, and the other fields behind it. */
export function formatLogLine(line: string, paint: Paint): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>
  const [name, style] = LEVELS[Number(level)] ?? [String(level), 'dim']
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const parts = [String(msg ?? ''), errorText(err), ...rest].filter((part) => part !== '').map(printable)
  return `${paint('dim', formatLocal(Number(time)))} ${paint(style, name.padEnd(5))} ${parts.join('  ')}\n`
}

/** The message alone: stacks are for the JSON log, which has them whole. */
function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  return String((error as { message?: unknown }).message ?? '')
}
