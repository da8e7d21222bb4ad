// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedBytes } from '../../test/support/counted-bytes.ts'
import { SCANNERS } from '../../test/support/sip-samples.ts'
import { readSipVectors } from '../../test/support/sip-vectors.ts'
import { startDevice, UDP } from '../../test/support/uas.ts'
import { parseMessage } from '../wire/sip/message.ts'

/*
 * Datagrams made to cost us more than their size: those that no answer fits, above all. Work is counted, not timed:
 * each byte may be looked at 12 times by all of reading, deciding and fitting together.
 */
const READS_PER_BYTE_MAX = 12
const FIXED_READS = 500 // for the shortest vectors

const SIZE = 8_000
const REST = 'f:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:c\r\nCSeq:1 INVITE\r\n'
const START = `INVITE sip:100@a SIP/2.0\r\n${REST}`
const filled = (unit: string, before: string, after = '\r\n\r\n') =>
  before + unit.repeat((SIZE - before.length) / unit.length) + after
const HOSTILE: Record<string, string> = {
  'Via parameters': filled(';a', `${START}v:SIP/2.0/UDP a;rport;received=1`),
  'quoted Via parameters': filled(';a="x"', `${START}v:SIP/2.0/UDP a;rport`),
  'a Via list': filled(',SIP/2.0/UDP a', `${START}v:SIP/2.0/UDP a;rport`),
  'Via lines': filled('v:SIP/2.0/UDP a\r\n', START),
  'a folded Via': filled('\r\n ;a=b', `${START}v:SIP/2.0/UDP a;rport`),
  'a long From': filled(
    'a',
    'INVITE sip:100@a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nt:<a:b>\r\ni:c\r\nCSeq:1 INVITE\r\nf:<a:b>;x=',
  ),
  'a folded To': filled(
    '\r\n ;a=b',
    'INVITE sip:100@a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:<a:b>\r\ni:c\r\nCSeq:1 INVITE\r\nt:<a:b>',
  ),
  'a long Call-ID': filled(
    'a',
    'INVITE sip:100@a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nt:<a:b>\r\nf:<a:b>\r\nCSeq:1 INVITE\r\ni:',
  ),
  'Record-Route lines': filled('Record-Route:<sip:a;lr>\r\n', `${START}v:SIP/2.0/UDP a\r\n`),
  'Require lines': filled('Require:a,b\r\n', `${START}v:SIP/2.0/UDP a\r\n`),
}
const datagrams = [
  ...Object.entries(HOSTILE).map(([name, text]) => ({ name, bytes: Buffer.from(text, 'latin1') })),
  ...Object.entries(SCANNERS).map(([name, bytes]) => ({ name, bytes })),
  ...readSipVectors(),
]

for (const { name, bytes } of datagrams) {
  test(`deciding and fitting the answer to ${name} looks at each byte ${READS_PER_BYTE_MAX} times at most`, () => {
    const { server, responder } = startDevice()
    const { bytes: counted, readCount } = countedBytes(bytes)
    const size = name in HOSTILE ? 0 : bytes.length // 0: all forms are tried
    server.receive(parseMessage(counted), { ...UDP, size, responder, path: () => ({ send: () => false }) })
    const limit = FIXED_READS + READS_PER_BYTE_MAX * bytes.length
    assert(readCount() <= limit, `${readCount()} reads of ${bytes.length} bytes`)
  })
}
