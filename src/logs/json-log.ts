// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Config } from '../config.ts'
import { hideCredentials } from '../core/credentials.ts'
import type { Event } from '../core/event.ts'
import { openLineFile } from './_line-file.ts'

export type JsonLogDeps = {
  readonly nodeId: string
  readonly version: string
  /** Called once for each time that writing stops working, with the way out. */
  onTrouble(text: string): void
  /** Aborted when the node stops: from then on `write` asks nobody to wait for a file that cannot be written. */
  readonly signal?: AbortSignal
}

export type JsonLog = AsyncDisposable & {
  /** Takes an event; the promise, when there is one, says when to go on. Never throws. */
  write(event: Event): void | Promise<void>
}

/**
 * The log of the first SentryPeer: one JSON object a line, its keys in its order, a few more at the end.
 * Throws DaemonError LOG_FAILED when the file cannot be opened at the start; later errors are told and tried again.
 */
export async function openJsonLog(config: Config['jsonLog'], deps: JsonLogDeps): Promise<JsonLog> {
  const file = await openLineFile(
    { file: config.file, sizeMax: config.maxMiB * 1024 * 1024, keepFiles: config.keepFiles },
    { onTrouble: deps.onTrouble, signal: deps.signal },
  )
  return {
    write: (event) => file.write(jsonLine(event, deps)),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

/** The line of an event, without its end. */
export function jsonLine(event: Event, node: { readonly nodeId: string; readonly version: string }): string {
  return JSON.stringify({
    app_name: 'sentrypeer',
    app_version: node.version,
    event_timestamp: timestamp(event.at),
    event_uuid: eventUuid(node.nodeId, event.id),
    created_by_node_id: node.nodeId,
    collected_method: event.collectedMethod,
    transport_type: event.transport.toUpperCase(),
    source_ip: event.source.ip,
    destination_ip: event.destination.ip,
    called_number: event.calledNumber ?? 'NOT_FOUND',
    sip_method: event.method ?? '',
    sip_user_agent: event.userAgent ?? 'NOT_FOUND',
    sip_message: messageText(hideCredentials(event.raw)),
    // Beyond the original:
    source_port: event.source.port,
    destination_port: event.destination.port,
    validation: event.validation,
    tags: event.tags,
  })
}

/** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` in UTC, always nine digits. */
function timestamp(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '000000')
}

function messageText(raw: Uint8Array): string {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
  return bytes.toString(isUtf8(raw) ? 'utf8' : 'latin1')
}

/** The same event of the same node has the same UUID whenever it is written: RFC 9562 §5.8, version 8. */
export function eventUuid(nodeId: string, eventId: number): string {
  const bytes = createHash('sha256').update(`${nodeId}/${eventId}`).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
