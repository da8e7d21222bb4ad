// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { type IndicatorJson, type NodeClient, nullWhen } from '../client.ts'
import { type CliContext, EXIT } from '../context.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { formatFacts } from '../table.ts'
import { formatCount, type Paint, painter, plural, printable, printableJson } from '../terminal.ts'
import { formatAgo, formatTime } from '../time.ts'

type Lookup = (client: NodeClient, value: string) => Promise<IndicatorJson>

/** What `ip` and `number` share: one question, one answer, and an exit code that scripts can use. */
export function defineLookup(command: Command, context: CliContext, kind: IndicatorJson['kind'], lookup: Lookup): void {
  addNodeOptions(command)
    .option('--json', 'as JSON')
    .action(async (value: string, options: NodeOptions & { json?: true }) => {
      const client = await openClient(options, context)
      const indicator = await lookup(client, value).catch(nullWhen('NOT_SEEN'))
      if (indicator === null) context.setExitCode(EXIT.notFound)
      if (options.json) {
        context.stdout.write(`${printableJson(indicator ?? { kind, value, verdict: 'unknown' }, 2)}\n`)
      } else if (indicator === null) {
        context.stdout.write(`${printable(value)} was not seen in the last 7 days\n`)
      } else {
        context.stdout.write(describeIndicator(indicator, context.now(), painter(context.stdout, context.env)))
      }
    })
}

/** All that is known of an address or number, for people. */
export function describeIndicator(indicator: IndicatorJson, now: number, paint: Paint): string {
  const { value, verdict, score, dialled = [] } = indicator
  const colour = verdict === 'listed' ? 'red' : verdict === 'allowed' ? 'green' : 'yellow'
  const head = `${paint('bold', printable(value))}  ${paint(colour, printable(verdict))}`
  const points = score === undefined || score === 0 ? '' : `  score ${Math.round(score)}`
  const forms = dialled.map(
    (form) =>
      `    ${printable(form.raw)}  ${form.count === 1 ? 'once' : `${formatCount(form.count)} times`}, last ${formAge(form.lastSeenAt, now)}\n`,
  )
  const dialledAs = forms.length === 0 ? '' : `  ${paint('dim', 'dialled as')}\n${forms.join('')}`
  return `${head}${points}\n${formatFacts(facts(indicator, now), paint)}${dialledAs}`
}

function facts(indicator: IndicatorJson, now: number): [string, string][] {
  const {
    why,
    count,
    repeatCount = 0,
    firstSeenAt,
    lastSeenAt,
    validUntil,
    validation,
    tags,
    authors,
    country,
    asn,
    numberType,
    dialPrefixes = [],
  } = indicator
  const repeats = repeatCount === 0 ? '' : `, and ${plural(repeatCount, 'retransmission')}`
  const rows: [string, string][] = []
  if (why !== undefined) rows.push(['why', why.text])
  rows.push(['events', `${formatCount(count)}${repeats}`])
  rows.push(['first seen', formatTime(firstSeenAt, now)])
  rows.push(['last seen', formatTime(lastSeenAt, now)])
  if (validUntil) rows.push(['listed until', formatTime(validUntil, now)])
  rows.push(['validation', `${validation}${VALIDATION_MEANING[validation] ?? ''}`])
  rows.push(['tags', tags.join(', ') || 'none'])
  if (authors !== undefined && authors > 1) rows.push(['seen by', plural(authors, 'node')])
  if (country) rows.push(['country', country])
  if (numberType) rows.push(['number type', describeType(numberType, indicator.isNonGeographic === true)])
  if (dialPrefixes.length > 0) rows.push(['dial prefixes', dialPrefixes.map(describePrefix).join(', ')])
  if (asn) rows.push(['network', `AS${asn}`])
  return rows
}

const describeType = (type: string, isNonGeographic: boolean): string =>
  `${type.toLowerCase().replaceAll('_', ' ')}${isNonGeographic ? ', of a worldwide service' : ''}`

const describePrefix = ({ prefix, count }: { prefix: string; count: number }): string =>
  `${prefix || 'none'}${count === 1 ? '' : ` (${formatCount(count)} times)`}`

const VALIDATION_MEANING: Readonly<Record<string, string>> = {
  none: ': only lone UDP packets, whose source anybody can forge',
  echo: ': it returned a token that only we had sent it',
  transport: ': it completed a connection',
}

function formAge(text: string, now: number): string {
  const at = Date.parse(text)
  return Number.isNaN(at) ? printable(text) : formatAgo(at, now)
}
