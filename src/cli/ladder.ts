// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { EventJson } from './client.ts'
import { mediaLines, offersCredentials, statusOf } from './sip-text.ts'
import { type Column, fittingView, formatTable, type TableOptions } from './table.ts'
import { displayWidth, fit, formatCount, formatSize, plural, printable } from './terminal.ts'

const LABEL_WIDTH_MAX = 16
const MEDIA_LINE_COUNT_MAX = 16 // of one message

const COLUMNS: readonly Column[] = [
  { title: 'SECONDS', align: 'right' },
  { title: 'SOURCE' },
  { title: '' },
  { title: 'NODE', spare: 3 },
  { title: 'VIA', spare: 4 },
  { title: 'REPEATS', spare: 2, align: 'right' },
  { title: 'AUTH', spare: 1 },
  { title: 'WHAT', shrink: true },
]

/** One line of the ladder: what is said, and by whom. */
type Rung = { readonly label: string; readonly isOurs: boolean; readonly cells: Cells }
type Cells = Partial<Record<'seconds' | 'source' | 'node' | 'via' | 'repeats' | 'auth' | 'what', string>>

/** The messages of a call under each other, each an arrow from or to the source. `events` are in the order of time. */
export function formatLadder(events: readonly EventJson[], options: TableOptions): string {
  const startedAt = Date.parse(events[0]?.at ?? '')
  const rungs = events.flatMap((event) => rungsOf(event, startedAt))
  const width = rungs.reduce((most, { label }) => Math.max(most, displayWidth(label)), 0)
  const rows = rungs.map(({ label, isOurs, cells }) => [
    cells.seconds ?? '',
    cells.source ?? '',
    label === '' ? '' : arrow(label, width, isOurs),
    cells.node ?? '',
    cells.via ?? '',
    cells.repeats ?? '',
    cells.auth ?? '',
    cells.what ?? '',
  ])
  const { columns, pick } = fittingView(COLUMNS, rows, options.width)
  return formatTable(columns, rows.map(pick), options)
}

function rungsOf(event: EventJson, startedAt: number): Rung[] {
  const { raw = '', repeatCount = 0, responses = [] } = event
  const isRequest = event.kind === 'sip-request'
  const cells: Cells = {
    seconds: secondsBetween(startedAt, Date.parse(event.at)),
    source: endpoint(event.sourceIp, event.sourcePort),
    node: endpoint(event.destinationIp ?? '?', event.destinationPort ?? 0),
    via: event.transport,
    repeats: repeatCount === 0 ? '' : formatCount(repeatCount),
    ...(isRequest ? { auth: offersCredentials(raw) ? 'yes' : 'no' } : {}),
    what: event.transport === 'rtp' ? describeMedia(event) : (event.requestUri ?? ''),
  }
  const said = isRequest ? event.method : event.transport === 'rtp' ? 'RTP' : statusOf(raw)
  return [
    { label: labelOf(said ?? event.kind), isOurs: false, cells },
    ...mediaLines(raw)
      .slice(0, MEDIA_LINE_COUNT_MAX)
      .map((what) => ({ label: '', isOurs: false, cells: { what } })),
    ...responses.map((status) => ({ label: String(status), isOurs: true, cells: {} })),
  ]
}

const labelOf = (text: string): string => fit(printable(text), LABEL_WIDTH_MAX)

/** `--INVITE-->` or `<---401---`, all of one width. */
function arrow(label: string, width: number, isOurs: boolean): string {
  const room = width - displayWidth(label)
  const left = '-'.repeat(2 + (isOurs ? Math.floor(room / 2) : 0))
  const right = '-'.repeat(2 + (isOurs ? Math.ceil(room / 2) : room))
  return isOurs ? `<${left}${label}${right}` : `${left}${label}${right}>`
}

function secondsBetween(from: number, to: number): string {
  const ms = to - from
  return Number.isNaN(ms) ? '?' : (ms / 1000).toFixed(3)
}

export const endpoint = (ip: string, port: number): string => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`

type MediaJson = {
  readonly codec?: string | null
  readonly payloadType?: number | null
  readonly packetCount?: number
  readonly byteCount?: number
  readonly lostCount?: number
  readonly dtmf?: string
  readonly durationMs?: number
}

/** What the summary of a call's media says, in words. */
function describeMedia({ raw = '' }: EventJson): string {
  const media = parseMedia(raw)
  if (media === null) return 'media, of which the summary was shortened'
  const { packetCount = 0, byteCount = 0, lostCount = 0, dtmf = '', durationMs = 0, codec, payloadType } = media
  if (packetCount === 0) return 'no packet came'
  const parts = [
    codec ?? (typeof payloadType === 'number' ? `payload type ${payloadType}` : null),
    `${plural(packetCount, 'packet')} (${formatSize(byteCount)})`,
    `${formatCount(lostCount)} lost`,
    `${(durationMs / 1000).toFixed(1)} s`,
    dtmf === '' ? null : `digits ${dtmf}`,
  ]
  return parts.filter((part) => part !== null).join(', ')
}

function parseMedia(raw: string): MediaJson | null {
  try {
    return JSON.parse(raw) as MediaJson
  } catch {
    return null // the store keeps less of a message when it has too many
  }
}
