// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { EventJson, NodeClient } from '../client.ts'
import type { CliContext } from '../context.ts'
import { parseCount } from '../count-option.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { shownNumber } from '../shown-number.ts'
import { type Column, formatTable } from '../table.ts'
import { formatCount, type Paint, painter, plural, printable, printableJson } from '../terminal.ts'
import { formatAgo } from '../time.ts'

const PAGE_LIMIT_MAX = 1000
const COUNT_MAX = 999_999
const ROWS_MAX = 50_000 // index rows read for one answer; identical events of a minute share a row

type TopOptions = NodeOptions & {
  readonly since: string
  readonly limit: string
  readonly watch?: string | true
  readonly json?: true
}

type Entry = { readonly value: string; readonly count: number; readonly lastSeenAt: string }
export type Top = {
  readonly since: string
  readonly eventCount: number
  readonly complete: boolean // false: there were more rows than were read, and these are the newest
  readonly ipAddresses: readonly Entry[]
  readonly phoneNumbers: readonly Entry[]
  readonly userAgents: readonly Entry[]
}

const EXAMPLES = `
Examples:
  sentrypeer top                    the last hour
  sentrypeer top --since 24h --limit 5
  sentrypeer top --watch            anew every 5 seconds, until Ctrl-C`

export function define(command: Command, context: CliContext): void {
  command.description('Shows the addresses, numbers and user agents with the most events.')
  addNodeOptions(command)
    .option('--since <time>', 'count events since then: 30m, 24h, 7d or a time in RFC 3339', '1h')
    .option('--limit <count>', 'how many of each', '10')
    .option('--watch [seconds]', 'do it anew every so many seconds (5)')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: TopOptions) => {
      const limit = parseCount(command, '--limit', options.limit, COUNT_MAX)
      const everySeconds =
        options.watch === undefined
          ? null
          : parseCount(command, '--watch', options.watch === true ? '5' : options.watch, COUNT_MAX)
      const client = await openClient(options, context)
      for (;;) {
        show(await readTop(client, options.since, limit), options, context)
        if (everySeconds === null || context.interrupted.aborted) return
        // Ctrl-C is how it is meant to end.
        await sleep(everySeconds * 1000, undefined, { signal: context.interrupted }).catch(() => {})
        if (context.interrupted.aborted) return
      }
    })
}

function show(top: Top, options: TopOptions, context: CliContext): void {
  const { stdout } = context
  if (options.json) {
    stdout.write(`${printableJson(top, options.watch === undefined ? 2 : undefined)}\n`)
    return
  }
  const clear = options.watch !== undefined && stdout.isTTY === true ? '\u001b[H\u001b[2J' : ''
  stdout.write(
    clear + describeTop(top, { now: context.now(), width: stdout.columns, paint: painter(stdout, context.env) }),
  )
}

/** Counts over the pages of events, since the lists of indicators know only the counts of 7 days. */
async function readTop(client: NodeClient, since: string, limit: number): Promise<Top> {
  const tallies = { ip: new Tally(), number: new Tally(), userAgent: new Tally() }
  let eventCount = 0
  let rowCount = 0
  let after: string | undefined
  for (;;) {
    const page = await client.events({ since, after, limit: PAGE_LIMIT_MAX })
    for (const event of page.items) {
      eventCount += event.count
      tallies.ip.add(event.sourceIp, event)
      tallies.number.add(shownNumber(event), event)
      tallies.userAgent.add(event.userAgent, event)
    }
    rowCount += page.items.length
    if (page.next === null || rowCount >= ROWS_MAX) {
      return {
        since,
        eventCount,
        complete: page.next === null,
        ipAddresses: tallies.ip.top(limit),
        phoneNumbers: tallies.number.top(limit),
        userAgents: tallies.userAgent.top(limit),
      }
    }
    after = page.next
  }
}

/** Counts by value; `add` expects the newest event first. */
class Tally {
  readonly #entries = new Map<string, { count: number; lastSeenAt: string }>()

  add(value: string | null, event: EventJson): void {
    if (value === null) return
    const entry = this.#entries.get(value)
    if (entry === undefined) this.#entries.set(value, { count: event.count, lastSeenAt: event.at })
    else entry.count += event.count
  }

  top(limit: number): Entry[] {
    const entries = Array.from(this.#entries, ([value, entry]) => ({ value, ...entry }))
    return entries.sort((a, b) => b.count - a.count).slice(0, limit)
  }
}

/** The three tables, for people. */
export function describeTop(top: Top, options: { now: number; width: number | undefined; paint: Paint }): string {
  const part = top.complete ? '' : ', counted over the newest of them only'
  const head = `${plural(top.eventCount, 'event')} ${describeSince(top.since)}${part}\n`
  const tables = [
    table('ADDRESS', top.ipAddresses, options),
    table('NUMBER', top.phoneNumbers, options),
    table('USER AGENT', top.userAgents, options),
  ]
  return (
    head +
    tables
      .filter((text) => text !== '')
      .map((text) => `\n${text}`)
      .join('')
  )
}

/** "in the last 24 h" of 24h: in the unit that was asked for. */
function describeSince(since: string): string {
  const age = /^(\d+)([smhd])$/.exec(since)
  if (age === null) return `since ${printable(since)}`
  const [, count, letter] = age
  const unit = { s: 's', m: 'min', h: 'h', d: count === '1' ? 'day' : 'days' }[letter!]
  return `in the last ${count} ${unit}`
}

function table(
  title: string,
  entries: readonly Entry[],
  options: { now: number; width: number | undefined; paint: Paint },
): string {
  if (entries.length === 0) return ''
  const columns: Column[] = [
    { title: 'EVENTS', align: 'right' },
    { title: 'LAST', align: 'right' },
    { title, shrink: true },
  ]
  const rows = entries.map(({ value, count, lastSeenAt }) => [
    formatCount(count),
    formatAgo(Date.parse(lastSeenAt), options.now),
    value,
  ])
  return formatTable(columns, rows, options)
}
