// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { HIDDEN_CREDENTIALS } from '../../core/credentials.ts'
import { DaemonError } from '../../core/errors.ts'
import { type EventJson, nullWhen } from '../client.ts'
import { type CliContext, EXIT, UsageError } from '../context.ts'
import { addNodeOptions, type NodeOptions, openClient } from '../node-address.ts'
import { formatFacts } from '../table.ts'
import { formatCount, painter, plural, printable, printableJson } from '../terminal.ts'
import type { Vector } from '../vector.ts'

type RecordOptions = NodeOptions & {
  readonly out: string
  readonly name?: string
  readonly withCredentials?: true
  readonly force?: true
  readonly json?: true
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

const EXAMPLES = `
Writes NAME.sip, the bytes as they were received, and NAME.json, what is to be found in them. The address of the node
and what the Request-URI takes for it are replaced by addresses for documentation. Other things may tell where the
message came from or went to: look at it before you publish it.

Examples:
  sentrypeer record 1795456800000123
  sentrypeer record 1795456800000123 --out test/vectors/sip --name pplsip-invite`

export function define(command: Command, context: CliContext): void {
  command
    .description('Saves a message that was received as a test vector.')
    .argument('<event-id>', 'id of the event, as "sentrypeer tail --json" shows it')
  addNodeOptions(command)
    .option('--out <folder>', 'folder to write to', '.')
    .option('--name <name>', 'name of the files; else the method and the id')
    .option('--with-credentials', 'keep the values of Authorization headers')
    .option('--force', 'write over files of that name')
    .option('--json', 'say what was done as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, options: RecordOptions) => {
      if (options.name !== undefined && !NAME.test(options.name)) {
        throw new UsageError(`--name ${JSON.stringify(options.name)}: must be letters, digits, dots and dashes`)
      }
      const client = await openClient(options, context)
      const event = await client.event(id).catch(nullWhen('EVENT_NOT_HELD'))
      if (event === null) {
        context.setExitCode(EXIT.notFound)
        context.stderr.write(`The node does not hold an event ${printable(id)}\n`)
        return
      }
      await record(event, options, context)
    })
}

async function record(event: EventJson, options: RecordOptions, context: CliContext): Promise<void> {
  const bytes = bytesOf(event)
  const withCredentials = options.withCredentials === true
  if (withCredentials && bytes.includes(HIDDEN_CREDENTIALS)) {
    throw refusal('the node shows credentials only to who has its key: give it with --key or SENTRYPEER_API_KEY')
  }
  const { makeVector } = await import('../vector.ts')
  const { destinationIp = '' } = event
  const vector = makeVector({ about: aboutOf(event), bytes, destinationIp, withCredentials })
  const files = writeVector(vector, options.name ?? nameOf(event), options)
  const text = options.json ? describeJson(vector, files) : describe(vector, files, context)
  context.stdout.write(text)
}

/** Throws RECORD_REFUSED for what would be no test of anything. */
function bytesOf({ id, transport, size = 0, rawShed, rawBase64 }: EventJson): Buffer {
  if (rawBase64 === undefined) throw refusal('the node does not tell the bytes of a message')
  const bytes = Buffer.from(rawBase64, 'base64')
  if (transport === 'rtp') throw refusal(`event ${id} tells what the media of a call was, and is no message`)
  if (bytes.length === 0) throw refusal(`event ${id} has no bytes`)
  const isCut = bytes.length < size && !bytes.includes(HIDDEN_CREDENTIALS)
  if (rawShed !== true && !isCut) return bytes
  const kept = isCut ? ` (${formatCount(bytes.length)} of ${formatCount(size)} bytes)` : ''
  throw refusal(
    `of event ${id} only a part was kept${kept}: the journal had reached its quota, the events came faster than the disk took them, or the message is larger than 64 KiB`,
  )
}

const refusal = (detail: string, cause?: unknown) => new DaemonError('RECORD_REFUSED', detail, { cause })

function aboutOf({ at, transport, method, kind }: EventJson): string {
  const what = method === null ? (kind === 'sip-response' ? 'A response' : 'What is no SIP') : `${method} request`
  return `${what}, as a sensor received it over ${transport.toUpperCase()} on ${at.slice(0, 10)}`
}

/** Of letters that any file system takes, whatever the method is. */
function nameOf({ id, method, kind }: EventJson): string {
  const word = (method ?? kind).toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return `${word.replace(/^-+|-+$/g, '').slice(0, 24) || 'message'}-${id}`
}

type Files = { readonly sip: string; readonly json: string }

/** Throws RECORD_REFUSED when a file is in the way or cannot be written. */
function writeVector(vector: Vector, name: string, { out, force }: RecordOptions): Files {
  const files = { sip: join(out, `${name}.sip`), json: join(out, `${name}.json`) }
  const inTheWay = Object.values(files).find((file) => existsSync(file))
  if (inTheWay !== undefined && force !== true) {
    throw refusal(`${inTheWay} is there already. Choose another --name, or write over it with --force`)
  }
  try {
    mkdirSync(out, { recursive: true })
    writeFileSync(files.sip, vector.bytes)
    writeFileSync(files.json, `${JSON.stringify(vector.expected, null, 2)}\n`)
  } catch (error) {
    throw refusal(`${(error as Error).message}. Choose another --out`, error)
  }
  return files
}

function describeJson(vector: Vector, files: Files): string {
  const { addresses, credentialsCount, lengthChange, bytes } = vector
  return `${printableJson({ ...files, size: bytes.length, addresses, credentialsCount, lengthChange }, 2)}\n`
}

function describe(vector: Vector, { sip, json }: Files, context: CliContext): string {
  const { addresses, credentialsCount, lengthChange, bytes } = vector
  const facts: [string, string][] = addresses.map(({ from, to, count }) => [
    'replaced',
    `${from} by ${to} in ${plural(count, 'place')}`,
  ])
  if (credentialsCount > 0) facts.push(['removed', `the credentials of ${plural(credentialsCount, 'header')}`])
  if (lengthChange !== 0) facts.push(['changed', `Content-Length by ${lengthChange}, as the body did`])
  if (facts.length === 0) facts.push(['as received', 'nothing had to be replaced'])
  const wrote = `Wrote ${printable(sip)} (${plural(bytes.length, 'byte')}) and ${printable(json)}\n`
  return wrote + formatFacts(facts, painter(context.stdout, context.env))
}
