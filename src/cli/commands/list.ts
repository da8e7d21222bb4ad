// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { IndicatorJson, NodeClient, Query } from '../client.ts'
import { type CliContext, EXIT } from '../context.ts'
import { parseCount } from '../count-option.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { type Column, fittingView, formatTable, type TableView } from '../table.ts'
import { formatCount, painter, printableJson } from '../terminal.ts'
import { formatAgo } from '../time.ts'

const PAGE_LIMIT_MAX = 1000
const LIMIT_MAX = 999_999_999

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
    .argument('<what>', 'what to list: ip or numbers')
  addNodeOptions(command)
    .option('--limit <count>', 'how many', '100')
    .option('--all', 'all of them, page by page')
    .option('--since <time>', 'only those seen since then: 30m, 24h, 7d or a time in RFC 3339')
    .option('--tag <tag>', 'only those with this tag, such as toll-fraud-call')
    .option('--validation <kind>', 'only those whose source is known to be: none, echo or transport')
    .option('--json', 'as JSON: {items, next, total}')
    .addHelpText('after', EXAMPLES)
    .action(async (what: string, options: ListOptions) => {
      const kind = kindOf(what)
      if (kind === null) {
        const text = `${JSON.stringify(what)} cannot be listed: it is "list ip" or "list numbers"`
        return command.error(text, { exitCode: EXIT.usage })
      }
      const limit = options.all ? Number.POSITIVE_INFINITY : parseCount(command, '--limit', options.limit, LIMIT_MAX)
      const client = await openClient(options, context)
      const { since, tag, validation } = options
      const filters = { since, tag, validation }
      const pages = readPages(client, kind, filters, limit)
      if (options.json) await writeJson(pages, context)
      else
        await writeTables(
          pages,
          Object.values(filters).some((filter) => filter !== undefined),
          context,
        )
    })
}

/** Null for a word that names nothing to list. */
function kindOf(what: string): IndicatorJson['kind'] | null {
  if (['ip', 'ips'].includes(what)) return 'ip-address'
  return ['number', 'numbers'].includes(what) ? 'phone-number' : null
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
  { title: 'VERDICT', spare: 4 },
  { title: 'EVENTS', align: 'right' },
  { title: 'LAST SEEN', align: 'right' },
  { title: 'FIRST SEEN', align: 'right', spare: 3 },
  { title: 'VALIDATION', spare: 2 },
  { title: 'TAGS', shrink: true, spare: 1 },
]

async function writeTables(pages: AsyncIterable<Page>, filtered: boolean, context: CliContext): Promise<void> {
  const paint = painter(context.stdout, context.env)
  const width = context.stdout.columns
  let view: TableView | null = null // decided by the first page, so that the columns stay the same
  let shown = 0
  let last: Page | null = null
  for await (const page of pages) {
    const rows = page.items.map((item) => indicatorRow(item, context.now()))
    if (rows.length > 0) {
      const header = view === null
      view ??= fittingView(COLUMNS, rows, width)
      context.stdout.write(formatTable(view.columns, rows.map(view.pick), { width, paint, header }))
    }
    shown += rows.length
    last = page
  }
  if (shown === 0) context.stderr.write(filtered ? 'Nothing matches\n' : 'Nothing was seen in the last 7 days\n')
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
