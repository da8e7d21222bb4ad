// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { FAKE_NOW, type FakeNode, fakeNode, problem, run } from '../../test/support/fake-node.ts'
import { invite, request } from '../../test/support/sip-samples.ts'
import { tempDir } from '../../test/support/temp-dir.ts'

const CREDENTIALS = 'Authorization: Digest response="secret"'
const bytes = invite({ headers: [CREDENTIALS] })

const event = (raw: Buffer, values: object = {}) => ({
  id: '7',
  at: new Date(FAKE_NOW).toISOString(),
  kind: 'sip-request',
  sourceIp: '198.51.100.7',
  sourcePort: 5060,
  destinationIp: '203.0.113.5',
  destinationPort: 5060,
  transport: 'udp',
  method: 'INVITE',
  size: raw.length,
  rawShed: false,
  rawBase64: raw.toString('base64'),
  ...values,
})

const nodeWith = (shown: object) => fakeNode({ '/v1/events/7': shown })

async function record(t: TestContext, node: FakeNode, ...args: readonly string[]) {
  const out = tempDir(t)
  const ran = await run(['record', '7', '--out', out, '--url', node.url, ...args])
  return { out, ...ran }
}

describe('sentrypeer record', () => {
  test('writes the bytes and what is in them, and says what it replaced', async (t) => {
    await using node = await nodeWith(event(bytes))
    const { out, code, stdout, stderr } = await record(t, node)
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(readdirSync(out).sort(), ['invite-7.json', 'invite-7.sip'])
    const written = readFileSync(join(out, 'invite-7.sip'))
    const wanted = bytes
      .toString('latin1')
      .replaceAll('203.0.113.5', '192.0.2.100')
      .replace('Digest response="secret"', '[credentials removed]')
    assert.equal(written.toString('latin1'), wanted)
    assert.equal(
      stdout,
      `Wrote ${out}/invite-7.sip (${written.length} bytes) and ${out}/invite-7.json
  replaced  203.0.113.5 by 192.0.2.100 in 3 places
  removed   the credentials of 1 header
`,
    )
    const expected = JSON.parse(readFileSync(join(out, 'invite-7.json'), 'utf8'))
    assert.equal(expected.about, 'INVITE request, as a sensor received it over UDP on 2026-11-23')
    assert.equal(expected.note, 'Not byte for byte as received: addresses of the sensor replaced, credentials removed')
    assert.equal(expected.requestUri, 'sip:900442081234567@192.0.2.100')
    assert.deepEqual(expected.calledNumbers, [{ from: 'request-uri', raw: '900442081234567' }])
    assert(!JSON.stringify(expected).includes('203.0.113.5'))
  })

  test('keeps every byte when there is nothing to replace', async (t) => {
    const plain = request({ uri: 'sip:sensor', from: '<sip:a@b>;tag=\xe9', to: '<sip:a@b>' })
    await using node = await nodeWith(event(plain, { method: 'OPTIONS' }))
    const { out, stdout } = await record(t, node, '--name', 'my.Probe-1')
    assert.deepEqual(readFileSync(join(out, 'my.Probe-1.sip')), plain)
    assert.match(stdout, /\n {2}as received {2}nothing had to be replaced\n$/)
  })

  test('--json says the same', async (t) => {
    await using node = await nodeWith(event(bytes))
    const { out, stdout } = await record(t, node, '--json')
    assert.deepEqual(JSON.parse(stdout), {
      sip: join(out, 'invite-7.sip'),
      json: join(out, 'invite-7.json'),
      size: readFileSync(join(out, 'invite-7.sip')).length,
      addresses: [{ from: '203.0.113.5', to: '192.0.2.100', count: 3 }],
      credentialsCount: 1,
      lengthChange: 0,
    })
  })

  test('--with-credentials keeps them, and is refused where the node hides them', async (t) => {
    await using node = await nodeWith(event(bytes))
    const { out } = await record(t, node, '--with-credentials')
    assert.match(readFileSync(join(out, 'invite-7.sip'), 'latin1'), /response="secret"/)
    const hidden = Buffer.from(bytes.toString().replace('Digest response="secret"', '[credentials: needs a key]'))
    await using closed = await nodeWith(event(hidden))
    const refused = await record(t, closed, '--with-credentials')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /only to who has its key: give it with --key .* \[RECORD_REFUSED\]\n$/)
    assert.deepEqual(readdirSync(refused.out), [])
    assert.equal((await record(t, closed)).code, 0)
  })

  test('writes over nothing without --force', async (t) => {
    await using node = await nodeWith(event(bytes))
    const out = tempDir(t)
    for (const name of ['invite-7.sip', 'invite-7.json']) {
      writeFileSync(join(out, name), 'mine')
      const args = ['record', '7', '--out', out, '--url', node.url]
      const { code, stderr } = await run(args)
      assert.equal(code, 1)
      assert.match(
        stderr,
        /is there already\. Choose another --name, or write over it with --force \[RECORD_REFUSED\]\n$/,
      )
      assert.equal(readFileSync(join(out, name), 'utf8'), 'mine')
      assert.equal((await run([...args, '--force'])).code, 0)
      assert.notEqual(readFileSync(join(out, name), 'utf8'), 'mine')
      writeFileSync(join(out, name), 'mine')
    }
  })

  const refusals: readonly [what: string, shown: object, reason: RegExp][] = [
    [
      'a message that was shortened',
      event(bytes, { rawShed: true }),
      /of event 7 only a part was kept: the journal had/,
    ],
    [
      'a message larger than what is kept',
      event(bytes, { size: 70_000 }),
      /only a part was kept \(\d+ of 70,000 bytes\)/,
    ],
    ['the media of a call', event(Buffer.from('{}'), { transport: 'rtp' }), /tells what the media of a call was/],
    ['a connection that said nothing', event(Buffer.alloc(0)), /event 7 has no bytes/],
    ['a node that does not tell', { ...event(bytes), rawBase64: undefined }, /does not tell the bytes/],
  ]
  for (const [what, shown, reason] of refusals) {
    test(`refuses ${what}`, async (t) => {
      await using node = await nodeWith(shown)
      const { code, out, stdout, stderr } = await record(t, node)
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, reason)
      assert.deepEqual(readdirSync(out), [])
    })
  }

  test('exits with 3 for an event that is not held', async (t) => {
    const answer = (_: IncomingMessage, response: ServerResponse) =>
      problem(response, 404, 'EVENT_NOT_HELD', 'No event')
    await using node = await nodeWith(answer)
    const { code, stderr } = await record(t, node)
    assert.deepEqual([code, stderr], [3, 'The node does not hold an event 7\n'])
  })

  test('takes names of files that are no paths, and a method for no more than a word', async (t) => {
    for (const name of ['../x', '', '.x', 'a/b', 'x'.repeat(101)]) {
      const { code, stderr } = await run(['record', '7', '--name', name, '--url', 'http://127.0.0.1:1'])
      assert.equal(code, 2)
      assert.match(stderr, /--name .*: must be letters, digits, dots and dashes/)
    }
    await using node = await nodeWith(event(bytes, { method: '../../Etc\u001b/passwd' }))
    const { out } = await record(t, node)
    assert.deepEqual(readdirSync(out).sort(), ['etc-passwd-7.json', 'etc-passwd-7.sip'])
  })

  test('makes the folder, or says why it cannot', async (t) => {
    await using node = await nodeWith(event(bytes))
    const dir = tempDir(t)
    const args = (out: string) => ['record', '7', '--out', out, '--url', node.url]
    assert.equal((await run(args(join(dir, 'a/b')))).code, 0)
    assert(existsSync(join(dir, 'a/b/invite-7.sip')))
    const { code, stderr } = await run(args(join(dir, 'a/b/invite-7.sip/c')))
    assert.equal(code, 1)
    assert.match(stderr, /^sentrypeer: Cannot record the message: .*Choose another --out \[RECORD_REFUSED\]\n$/)
  })
})
