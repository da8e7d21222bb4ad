// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { HealthJson, StatsJson } from '../client.ts'
import type { CliContext } from '../context.ts'
import { formatListeners, formatReceiver } from '../listeners.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { asTyped } from '../own-name.ts'
import { formatFacts } from '../table.ts'
import { formatCount, formatSize, type Paint, painter, plural, printable, printableJson } from '../terminal.ts'
import { formatHour, formatTime } from '../time.ts'

const EXAMPLES = `
Examples:
  sentrypeer status
  sentrypeer status --json
  sentrypeer status --url http://192.0.2.5:8082 --key KEY`

export function define(command: Command, context: CliContext): void {
  command.description('Shows how a running node does: what it listens on, what it has seen, what is wrong.')
  addNodeOptions(command)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: NodeOptions & { json?: true }) => {
      const client = await openClient(options, context)
      const [stats, health] = await Promise.all([client.stats(), client.health()])
      const paint = painter(context.stdout, context.env)
      const text = options.json
        ? `${printableJson({ url: client.url, health, stats }, 2)}\n`
        : asTyped(describeStatus(client.url, stats, health, context.now(), paint), context.env)
      context.stdout.write(text)
    })
}

/** The status for people. */
export function describeStatus(url: string, stats: StatsJson, health: HealthJson, now: number, paint: Paint): string {
  const well = health.status === 'ok' ? paint('green', 'well') : paint('yellow', 'in trouble')
  const troubles = (health.troubles ?? []).map((trouble) => `  ${paint('yellow', '!')} ${printable(trouble)}\n`)
  return `SentryPeer ${printable(stats.version)} on ${url}: ${well}\n${troubles.join('')}${formatFacts(facts(stats, now), paint)}`
}

function facts(
  { startedAt, listeners, sensors, store, indicators, rssSize }: StatsJson,
  now: number,
): [string, string][] {
  const count = (name: string) => formatCount(Number(store[name] ?? 0))
  const size = (name: string) => formatSize(Number(store[name] ?? 0))
  const sensor = (name: string) => formatCount(sensors[name] ?? 0)
  const lostCount = Number(store.droppedCount ?? 0) + Number(sensors.kernelDropCount ?? 0)
  const kept = lostCount === 0 ? 'none lost' : `${formatCount(lostCount)} lost`
  const rows: [string, string][] = [
    ['started', formatTime(startedAt, now)],
    ['listens', formatListeners(listeners) || 'SIP is off'],
    [
      'seen',
      `${plural(indicators.ipAddressCount, 'address', 'addresses')}, ${plural(indicators.phoneNumberCount, 'number')} in the last 7 days`,
    ],
    [
      'events',
      `${count('acceptedCount')} since the start, ${count('durableCount')} on disk, ${kept}; ${count('indexLagCount')} wait for the index`,
    ],
    [
      'replies',
      `${sensor('repliedCount')} sent, ${sensor('silencedByRateCount')} held back by the rate limit, ${sensor('silencedByBytesCount')} by the size rule`,
    ],
    [
      'connections',
      `${sensor('connectionCount')} open, ${sensor('shedConnectionCount')} closed to stay within the limits`,
    ],
    ['disk', `journal ${size('journalSize')} of ${size('quotaSize')}, index ${size('indexSize')}`],
    ['records from', formatHour(store.oldestAt)],
  ]
  const receiver = formatReceiver(listeners)
  if (receiver !== null) rows.splice(2, 0, ['UDP', `received ${receiver}`])
  if (rssSize !== undefined) rows.push(['memory', formatSize(rssSize)])
  return rows
}
