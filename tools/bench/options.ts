// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { parseArgs } from 'node:util'
import type { TrafficKind } from './traffic.ts'

/** What can be measured, in the order in which all of it is. */
export const MODES = {
  parts: 'CPU time of the pure parts: parser, response, numbers, records, blocks, indicators, tokens',
  replies: 'most events a second kept without loss, with a reply to each',
  receive: 'the same without replies',
  dgram: 'the same with replies, received by node:dgram as where there is no FFI',
  varied: 'varied traffic: bytes on disk and CPU time of an event, with and without the index',
  index: 'events indexed a second, and how far the index lags',
  lag: 'time from a packet until a lookup answers "seen"',
  lists: 'first page of the lists at 10,000, 100,000 and a million indicators',
  start: 'time to ready and memory, empty and with a million events',
  lookups: 'lookups a second over HTTP at a million events, while events arrive',
  flood: 'twice what the node can take for a minute: memory, answers, recovery, and where each datagram went',
} as const
export type Mode = keyof typeof MODES
const NAMES = Object.keys(MODES) as Mode[]

/** A prime, so that no source sends a message twice for long, which would count as a retransmission. */
const SOURCE_COUNT = 1999

export type Options = {
  readonly modes: readonly Mode[]
  readonly runs: number // measured runs of each figure; the median is shown
  readonly seconds: number | null // of a measured run; null: what the mode takes by itself
  readonly rate: number | null // datagrams a second; null: searched for, or what the mode takes by itself
  readonly sourceCount: number // source addresses of the modes that search for a rate, and of the flood
  readonly traffic: TrafficKind // of the same
  readonly eventCount: number // of the large state
  readonly quick: boolean
  readonly json: string | null // where the figures are written; null: the usual place
}

export type Parsed =
  | { readonly kind: 'run'; readonly options: Options }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'wrong'; readonly text: string }

const HELP = `npm run bench -- [MODE ...] [options]

Measures a node of this checkout from outside, on loopback, beside a C program that does the bare minimum in the same
call. Without a mode it measures all, for at most 30 minutes; one mode takes at most 8.

Modes:
${NAMES.map((name) => `  ${name.padEnd(9)} ${MODES[name]}`).join('\n')}

Options:
  --runs N      measured runs of each figure, whose median is shown (3)
  --seconds N   length of a measured run (4; a flood 60)
  --rate N      datagrams a second, in place of searching for the highest (a flood sends twice as many)
  --sources N   source addresses in replies, receive, dgram and flood (1999; at most 1000000)
  --traffic T   plain or varied, in the same modes (plain)
  --events N    events and indicators of the large state (1000000)
  --quick       one short run of each and a tenth of the large state: to see that it works, not to compare
  --json FILE   where to write all figures (.runtime/bench/figures.json)
  --help        this text

Examples:
  npm run bench
  npm run bench -- replies
  npm run bench -- receive dgram --runs 5
  npm run bench -- replies --sources 1000000 --traffic varied
  npm run bench -- flood --rate 300000 --seconds 20
  npm run bench -- lookups --quick --json lookups.json
`

const SEE_HELP = 'npm run bench -- --help tells more.'
const wrong = (text: string): Parsed => ({ kind: 'wrong', text: `${text}\n${SEE_HELP}` })

const FLAGS = {
  runs: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
  sources: { type: 'string' },
  traffic: { type: 'string' },
  events: { type: 'string' },
  quick: { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What the words after `npm run bench --` ask for. */
export function parseOptions(args: readonly string[]): Parsed {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: FLAGS, allowPositionals: true })
    if (values.help === true) return { kind: 'help', text: HELP }
    const quick = values.quick === true
    return {
      kind: 'run',
      options: {
        modes: modesOf(positionals),
        runs: whole('--runs', values.runs, 1, 100) ?? (quick ? 1 : 3),
        seconds: whole('--seconds', values.seconds, 1, 3600) ?? (quick ? 1 : null),
        rate: whole('--rate', values.rate, 1, 100_000_000),
        sourceCount: whole('--sources', values.sources, 1, 1_000_000) ?? SOURCE_COUNT,
        traffic: trafficOf(values.traffic ?? 'plain'),
        eventCount: whole('--events', values.events, 1000, 1_000_000) ?? (quick ? 100_000 : 1_000_000),
        quick,
        json: values.json ?? null,
      },
    }
  } catch (error) {
    return wrong(error instanceof RangeError || isParseArgsError(error) ? error.message : String(error))
  }
}

const isParseArgsError = (error: unknown): error is Error =>
  error instanceof Error && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS_')

function modesOf(words: readonly string[]): Mode[] {
  for (const word of words) {
    if (Object.hasOwn(MODES, word)) continue
    const near = nearestMode(word)
    const suggestion = near === null ? '' : `; did you mean ${near}?`
    throw new RangeError(`There is no mode "${word}"${suggestion} The modes are ${NAMES.join(', ')}.`)
  }
  return words.length === 0 ? NAMES : NAMES.filter((name) => words.includes(name))
}

/** The mode that shares the most letters with the word, from its start and its end; null when that is less than half of it. */
function nearestMode(word: string): Mode | null {
  const shared = (name: string): number => {
    let start = 0
    while (start < word.length && word[start] === name[start]) start++
    let end = 0
    while (end < Math.min(word.length, name.length) - start && word.at(-1 - end) === name.at(-1 - end)) end++
    return start + end
  }
  const best = NAMES.reduce((a, b) => (shared(b) > shared(a) ? b : a))
  return 2 * shared(best) >= word.length ? best : null
}

function trafficOf(word: string): TrafficKind {
  if (word === 'plain' || word === 'varied') return word
  throw new RangeError(`--traffic is "${word}"; it must be plain or varied`)
}

function whole(flag: string, text: string | undefined, min: number, max: number): number | null {
  if (text === undefined) return null
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw new RangeError(`${flag} is "${text}"; it must be ${min} to ${max}`)
  return value
}
