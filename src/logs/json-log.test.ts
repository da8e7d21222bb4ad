// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeEvent } from '../../test/support/fake-store.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { eventUuid, jsonLine, openJsonLog } from './json-log.ts'

const NODE = { nodeId: '6a9e3c1e-0000-4000-8000-000000000001', version: '1.2.3' }

test('a line has the keys of the original in its order, and a few more behind them', () => {
  const event = fakeEvent({ id: 7, at: Date.UTC(2026, 0, 2, 3, 4, 5, 6) })
  assert.equal(
    jsonLine(event, NODE),
    '{"app_name":"sentrypeer","app_version":"1.2.3","event_timestamp":"2026-01-02 03:04:05.006000000",' +
      `"event_uuid":"${eventUuid(NODE.nodeId, 7)}","created_by_node_id":"6a9e3c1e-0000-4000-8000-000000000001",` +
      '"collected_method":"responsive","transport_type":"UDP","source_ip":"198.51.100.7","destination_ip":"192.0.2.1",' +
      '"called_number":"900442081234567","sip_method":"INVITE","sip_user_agent":"pplsip",' +
      '"sip_message":"INVITE sip:900442081234567@192.0.2.1 SIP/2.0\\r\\nUser-Agent: pplsip\\r\\n\\r\\n",' +
      '"source_port":5071,"destination_port":5060,"validation":"none","tags":["toll-fraud-call"]}',
  )
})

test('what is missing is NOT_FOUND or empty, as in the original', () => {
  const nothing = {
    kind: 'connection',
    method: null,
    userAgent: null,
    calledNumber: null,
    raw: new Uint8Array(),
  } as const
  const json = JSON.parse(jsonLine(fakeEvent({ id: 1, transport: 'tcp', ...nothing }), NODE))
  assert.equal(json.called_number, 'NOT_FOUND')
  assert.equal(json.sip_user_agent, 'NOT_FOUND')
  assert.equal(json.sip_method, '')
  assert.equal(json.sip_message, '')
  assert.equal(json.transport_type, 'TCP')
})

test('hostile bytes stay on one line', () => {
  const raw = Buffer.from([0, 10, 13, 0xff, 0xe2, 0x80, 0xa8])
  const line = jsonLine(fakeEvent({ id: 1, raw, userAgent: 'a\n"b\u2028' }), NODE)
  assert.ok(!/[\n\r\0]/.test(line))
  assert.equal(JSON.parse(line).sip_message, Buffer.from(raw).toString('latin1'))
})

test('credentials stay out of the log', () => {
  const raw = Buffer.from(
    'REGISTER sip:a SIP/2.0\r\nAuthorization: Digest x="SECRET",\r\n y="SECRET"\r\nCSeq: 1\r\n\r\n',
  )
  const line = jsonLine(fakeEvent({ id: 1, raw }), NODE)
  assert.ok(!line.includes('SECRET'))
  assert.match(line, /Authorization: \[credentials: needs a key\]\\r\\nCSeq: 1/)
})

test('passwords that svcrack wrote into its From-tag stay out of the log', () => {
  const tag = Buffer.from('100:SECRET\u000112345').toString('hex')
  const raw = Buffer.from(`REGISTER sip:a SIP/2.0\r\nFrom: <sip:100@a>;tag=${tag}\r\nCSeq: 1\r\n\r\n`)
  const line = jsonLine(fakeEvent({ id: 1, raw }), NODE)
  assert.ok(!line.includes(tag))
  assert.match(line, /tag=\[credentials: needs a key\]\\r\\nCSeq: 1/)
})

test('eventUuid() is a version 8 UUID, the same for the same event of the same node', () => {
  const uuid = eventUuid('a', 1)
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(eventUuid('a', 1), uuid)
  assert.equal(new Set([uuid, eventUuid('a', 2), eventUuid('b', 1)]).size, 3)
})

test('openJsonLog() writes the lines', async (t) => {
  const file = join(tempDir(t), 'log.json')
  const onTrouble = (text: string) => assert.fail(text)
  {
    await using log = await openJsonLog({ enabled: true, file, maxMiB: 1, keepFiles: 1 }, { ...NODE, onTrouble })
    await log.write(fakeEvent({ id: 1 }))
    await log.write(fakeEvent({ id: 2 }))
  }
  assert.equal(readFileSync(file, 'utf8'), [1, 2].map((id) => `${jsonLine(fakeEvent({ id }), NODE)}\n`).join(''))
})
