// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Argument, type Command } from 'commander'
import type { IndicatorJson, NodeClient, Query } from '../client.ts'
import { type CliContext, EXIT } from '../context.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { type Column, formatTable } from '../table.ts'
import { formatCount, painter, printableJson } from '../terminal.ts'
import { formatAgo } from '../time.ts'

const PAGE_LIMIT_MAX = 1000

type ListOptions = NodeOptions & {
  readonly all?: true
  readonly limit: string
  readonly since?: string
  readonly tag?: string
  readonly validation?: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  sentrypeer list ip                     the 100 seen last
  sentrypeer list numbers --since 24h
  sentrypeer list ip --all --json        everything, for other programs`

export function define(command: Command, context: CliContext): void {
  command
    .description('Lists the addresses or numbers seen in the last 7 days, the newest first.')
    .addArgument(new Argument('<what>', 'what to list').choices(['ip', 'numbers']))
  addNodeOptions(command)
    .option('--limit <count>', 'how many', '100')
    .option('--all', 'all of them, page by page')
    .option('--since <time>', 'only those seen since then: 30m, 24h, 7d or a time in RFC 3339')
    .option('--tag <tag>', 'only those with this tag, such as toll-fraud-call')
    .option('--validation <kind>', 'only those whose source is known to be: none, echo or transport')
    .option('--json', 'as JSON: {items, next, total}')
    .addHelpText('after', EXAMPLES)
    .action(async (what: 'ip' | 'numbers', options: ListOptions) => {
      const limit = options.all ? Number.POSITIVE_INFINITY : parseLimit(options.limit, command)
      const client = await openClient(options, context)
      const kind = what === 'ip' ? 'ip-address' : 'phone-number'
      const { since, tag, validation } = options
      const pages = readPages(client, kind, { since, tag, validation }, limit)
      if (options.json) await writeJson(pages, context)
      else await writeTables(pages, context)
    })
}

function parseLimit(text: string, command: Command): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  return command.error(`--limit ${JSON.stringify(text)}: must be a whole number from 1, such as 100`, {
    exitCode: EXIT.usage,
  })
}

type Page = { readonly items: IndicatorJson[]; readonly next: string | null; readonly total: number | null }

async function* readPages(
  client: NodeClient,
  kind: IndicatorJson['kind'],
  filters: Query,
  limit: number,
): AsyncGenerator<Page> {
  let after: string | undefined
  for (let left = limit; left > 0; ) {
    const page = await client.indicators(kind, { ...filters, after, limit: Math.min(left, PAGE_LIMIT_MAX) })
    yield page
    left -= page.items.length
    if (page.next === null) return
    after = page.next
  }
}

/** One JSON document however many pages it takes, with an item on each line. */
async function writeJson(pages: AsyncIterable<Page>, { stdout }: CliContext): Promise<void> {
  let last: Page = { items: [], next: null, total: 0 }
  let separator = '{"items":[\n'
  for await (const page of pages) {
    for (const item of page.items) {
      stdout.write(`${separator}${printableJson(item)}`)
      separator = ',\n'
    }
    last = page
  }
  const start = separator.startsWith('{') ? separator : '\n'
  stdout.write(`${start}],"next":${JSON.stringify(last.next)},"total":${JSON.stringify(last.total)}}\n`)
}

const COLUMNS: readonly Column[] = [
  { title: 'VALUE' },
  { title: 'VERDICT' },
  { title: 'EVENTS', align: 'right' },
  { title: 'LAST SEEN', align: 'right' },
  { title: 'FIRST SEEN', align: 'right' },
  { title: 'VALIDATION' },
  { title: 'TAGS', shrink: true },
]

async function writeTables(pages: AsyncIterable<Page>, context: CliContext): Promise<void> {
  const paint = painter(context.stdout, context.env)
  let shown = 0
  let last: Page | null = null
  for await (const page of pages) {
    const rows = page.items.map((item) => indicatorRow(item, context.now()))
    const header = shown === 0 && rows.length > 0
    if (rows.length > 0)
      context.stdout.write(formatTable(COLUMNS, rows, { width: context.stdout.columns, paint, header }))
    shown += rows.length
    last = page
  }
  if (shown === 0) context.stderr.write('Nothing was seen yet\n')
  else if (last?.next) {
    const total = last.total === null ? 'more' : formatCount(last.total)
    context.stderr.write(`${formatCount(shown)} of ${total}; --all shows all, --limit so many\n`)
  }
}

function indicatorRow(
  { value, verdict, count, lastSeenAt, firstSeenAt, validation, tags }: IndicatorJson,
  now: number,
): string[] {
  const ago = (text: string) => formatAgo(Date.parse(text), now)
  return [value, verdict, formatCount(count), ago(lastSeenAt), ago(firstSeenAt), validation, tags.join(' ')]
}
