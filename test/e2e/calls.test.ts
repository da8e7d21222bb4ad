// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { calledNumbers } from '../../src/wire/sip/called-number.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { runSentrypeer } from '../support/cli-process.ts'
import { type NodeProcess, startNode } from '../support/node-process.ts'
import { invite, request } from '../support/sip-samples.ts'
import { readSipVectors } from '../support/sip-vectors.ts'
import { tempDir } from '../support/temp-dir.ts'

const CALL_ID = 'a84b4c76e66710@198.51.100.7'
const OWN = { uri: 'sip:900442081234567@127.0.0.1', callId: CALL_ID }
const CREDENTIALS = 'Authorization: Digest username="100", realm="asterisk", nonce="1", uri="sip:a", response="secret"'

async function sendDatagrams({ sipPort }: NodeProcess, messages: readonly Buffer[]): Promise<void> {
  const socket = createSocket('udp4')
  for (const bytes of messages) {
    await new Promise<void>((resolve, reject) => {
      socket.send(bytes, sipPort, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)))
    })
  }
  socket.close()
}

async function sendStream({ sipPort }: NodeProcess, messages: readonly Buffer[]): Promise<void> {
  const socket = connect(sipPort, '127.0.0.1')
  for (const bytes of messages) socket.write(bytes)
  socket.resume().end()
  await once(socket, 'close')
}

type Traced = { items: { id: string; method: string; transport: string; repeatCount: number; responses: number[] }[] }

test('a call over UDP and TCP is traced, and a message of it becomes a vector', { timeout: 60_000 }, async (t) => {
  const stateDir = tempDir(t)
  const here = ['--state-dir', stateDir]
  const node = await startNode(t, stateDir)
  const first = invite(OWN)
  await sendDatagrams(node, [first, first, request({ ...OWN, method: 'ACK' }), request({ callId: 'another' })])
  await node.durable(4)
  const authorized = invite({ ...OWN, cseq: '2 INVITE', headers: [CREDENTIALS] })
  await sendStream(node, [authorized, request({ ...OWN, method: 'BYE', cseq: '3 BYE' })])
  await node.durable(6)

  const { items } = JSON.parse((await runSentrypeer(t, ['trace', CALL_ID, '--json', ...here])).stdout) as Traced
  assert.deepEqual(
    items.map(({ method, transport, repeatCount }) => `${method} ${transport} ${repeatCount}`),
    ['INVITE udp 1', 'ACK udp 0', 'INVITE tcp 0', 'BYE tcp 0'],
  )

  await t.test('the ladder shows both directions, and the id of any of its events stands for it', async () => {
    const { code, stdout, stderr } = await runSentrypeer(t, ['trace', items[2]!.id, ...here])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^ {2}call +a84b4c76e66710@198\.51\.100\.7\n/)
    assert.match(stdout, /^ {2}messages +4 messages, and 1 retransmission\n/m)
    assert.match(stdout, new RegExp(`127\\.0\\.0\\.1:\\d+  --INVITE-->  127\\.0\\.0\\.1:${node.sipPort}  udp +1  no  `))
    assert.match(stdout, /--INVITE--> .* tcp +yes {3}sip:900442081234567@127\.0\.0\.1\n +m=audio 6000 RTP\/AVP .*\n/)
    const answered = items.flatMap(({ responses }) => responses)
    assert(answered.length >= 2)
    assert.deepEqual(
      [...stdout.matchAll(/<-+(\d{3})-+\n/g)].map(([, status]) => Number(status)),
      answered,
    )
  })

  await t.test('a call that nobody made is not found', async () => {
    const { code, stdout } = await runSentrypeer(t, ['trace', 'nobody', ...here])
    assert.equal(code, 3)
    assert.match(stdout, /^No message of the call nobody was seen in the last 24 h/)
  })

  await t.test('a recorded message is a vector, which tells neither our address nor credentials', async () => {
    const out = tempDir(t)
    const { code, stdout } = await runSentrypeer(t, ['record', items[2]!.id, '--name', 'met', '--out', out, ...here])
    assert.equal(code, 0, stdout)
    assert.match(stdout, /127\.0\.0\.1 by 192\.0\.2\.1 in 1 place\n {2}removed +the credentials of 1 header\n/)
    const [vector, ...others] = readSipVectors(pathToFileURL(`${out}/`))
    assert(vector !== undefined && others.length === 0)
    const wanted = authorized.toString('latin1').replace('127.0.0.1', '192.0.2.1')
    assert.equal(
      vector.bytes.toString('latin1'),
      wanted.replace(/(?<=Authorization: ).*(?=\r)/, '[credentials removed]'),
    )
    const message = parseMessage(vector.bytes)
    const { expected } = vector
    assert.deepEqual(
      [message.kind, message.method, message.requestUri],
      [expected.kind, expected.method, expected.requestUri],
    )
    assert.deepEqual(calledNumbers(message), expected.calledNumbers)
    assert.deepEqual(message.defects.map((defect) => defect.code).sort(), expected.defects)
    assert.deepEqual(expected.frames, ['message'])
  })

  await t.test('who has the key records credentials too, byte for byte', async () => {
    const out = tempDir(t)
    await runSentrypeer(t, ['record', items[2]!.id, '--with-credentials', '--out', out, ...here])
    const [vector] = readSipVectors(pathToFileURL(`${out}/`))
    assert.equal(vector?.bytes.toString('latin1'), authorized.toString('latin1').replace('127.0.0.1', '192.0.2.1'))
  })
})
