// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, test } from 'node:test'
import { invite, type RequestInit, request } from '../../../test/support/sip-samples.ts'
import { type Arriving, NOW, startDevice, TCP, UDP } from '../../../test/support/uas.ts'

type Device = ReturnType<typeof startDevice>
const T1 = 500

const tagIn = (response: string): string => /\r\n(?:To|t): ?.*;tag=(\S+)/.exec(response)?.[1] ?? ''
const nonceIn = (response: string): string => /nonce="([^"]+)"/.exec(response)?.[1] ?? ''
const statusOf = (response: string): number => Number(response.slice(8, 11))
const lateStatuses = ({ late }: Device): number[] => late.map(statusOf)

/** A REGISTER of extension 100 with that password for a nonce. */
function register(nonce: string, password: string, change: RequestInit = {}): Buffer {
  const md5 = (text: string) => hash('md5', text)
  const uri = 'sip:203.0.113.5'
  const response = md5(`${md5(`100:asterisk:${password}`)}:${nonce}:${md5(`REGISTER:${uri}`)}`)
  const parts = [`username="100"`, `realm="asterisk"`, `nonce="${nonce}"`, `uri="${uri}"`, `response="${response}"`]
  const headers = [`Authorization: Digest ${parts.join(',')}`]
  return request({ method: 'REGISTER', uri, to: '<sip:100@203.0.113.5>', headers, ...change })
}

/** Registers in vain, so that the source is proven. */
function prove(device: Device, to: Arriving = UDP): void {
  const [challenge = ''] = device.texts(request({ method: 'REGISTER' }), to)
  device.receive(register(nonceIn(challenge), 'wrong', { cseq: '2 REGISTER' }), to)
}

const cancelOf = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replace('INVITE sip', 'CANCEL sip').replace('1 INVITE', '1 CANCEL'), 'latin1')

describe('validation', () => {
  test('a lone datagram proves nothing, a connection its address', () => {
    const { receive } = startDevice()
    assert.equal(receive(request()).validation, 'none')
    assert.equal(receive(request(), TCP).validation, 'transport')
    assert.equal(receive(Buffer.from('SIP/2.0 200 OK\r\n\r\n')).validation, 'none')
  })

  test('who returns our nonce is proven, in either spelling, and for ten minutes', () => {
    for (const size of [65_535, 380]) {
      const device = startDevice()
      const [challenge = ''] = device.texts(request({ method: 'REGISTER' }), { ...UDP, size })
      const { validation } = device.receive(register(nonceIn(challenge), 'x', { cseq: '2 REGISTER' }))
      assert.equal(validation, 'echo', challenge)
      assert.equal(device.receive(request(), { ...UDP, now: NOW + 599_999 }).validation, 'echo')
      assert.equal(device.receive(request(), { ...UDP, now: NOW + 600_001 }).validation, 'none')
    }
  })

  test('who returns our To-tag is proven: ACK and BYE', () => {
    for (const method of ['ACK', 'BYE']) {
      const device = startDevice()
      const [ok = ''] = device.texts(invite())
      const to = `<sip:900442081234567@203.0.113.5>;tag=${tagIn(ok)}`
      assert.equal(device.receive(request({ method, to, cseq: `2 ${method}` })).validation, 'echo', method)
    }
  })

  test('what was given to one source proves no other one, nor another call, nor later', () => {
    const device = startDevice()
    const [challenge = ''] = device.texts(request({ method: 'REGISTER' }))
    const nonce = nonceIn(challenge)
    const elsewhere: readonly [Arriving, RequestInit][] = [
      [{ ...UDP, source: { ip: '198.51.100.8', port: 5060 } }, {}],
      [{ ...UDP, source: { ip: '198.51.100.7', port: 5061 } }, {}],
      [{ ...UDP, source: { ip: '2001:db8::7', port: 5060 } }, {}],
      [UDP, { callId: 'another' }],
      [{ ...UDP, now: NOW + 120_000 }, {}],
    ]
    for (const [to, change] of elsewhere)
      assert.equal(device.receive(register(nonce, 'x', { cseq: '2 REGISTER', ...change }), to).validation, 'none')
  })

  test('after three wrong tokens in a minute a right one counts for nothing, for a minute', () => {
    const device = startDevice()
    const [challenge = ''] = device.texts(request({ method: 'REGISTER' }))
    for (let n = 0; n < 3; n++) device.receive(register(`${n}`.repeat(16), 'x', { cseq: `${n} REGISTER` }))
    const right = register(nonceIn(challenge), 'x', { cseq: '9 REGISTER' })
    assert.equal(device.receive(right).validation, 'none')
    assert.equal(device.receive(right, { ...UDP, now: NOW + 59_000 }).validation, 'none')
    const later = { ...UDP, now: NOW + 121_000 }
    const [again = ''] = device.texts(request({ method: 'REGISTER' }), later)
    assert.equal(device.receive(register(nonceIn(again), 'x', { cseq: '10 REGISTER' }), later).validation, 'echo')
  })
})

describe('levels of interaction', () => {
  test('low never asks for credentials of a call, and refuses it', () => {
    const device = startDevice({ interaction: 'low' })
    const [refusal = ''] = device.texts(invite({ from: '<sip:100@203.0.113.5>;tag=1' }))
    assert.match(refusal, /^SIP\/2\.0 (?:404|484|403|486|480) /)
    assert.equal(device.dialogs.count, 0)
  })

  test('medium challenges who says to be an extension, and accepts no password', () => {
    const device = startDevice({ interaction: 'medium' })
    const [challenge = ''] = device.texts(invite({ from: '<sip:100@203.0.113.5>;tag=1' }))
    assert.match(challenge, /^SIP\/2\.0 401 /)
    let nonce = nonceIn(device.texts(request({ method: 'REGISTER' }))[0] ?? '')
    for (let n = 2; n < 40; n++) {
      const [answer = ''] = device.texts(register(nonce, '100', { cseq: `${n} REGISTER` }))
      assert.match(answer, /^SIP\/2\.0 401 /)
      nonce = nonceIn(answer)
    }
  })

  test('a call is refused in the same way for one network and prefix, and not always in one way', () => {
    const device = startDevice({ interaction: 'medium' })
    const refused = (prefix: number, ip: string, n: number): number => {
      const uri = `sip:${prefix}442081234567@203.0.113.5`
      const to = { ...UDP, source: { ip, port: 5060 } }
      return device.statuses(invite({ uri, to: `<${uri}>`, callId: `${prefix}-${n}` }), to)[0] ?? 0
    }
    const all = new Set<number>()
    for (let prefix = 10_000; prefix < 10_200; prefix++) {
      const first = refused(prefix, '198.51.100.7', 1)
      assert.equal(refused(prefix, '198.51.100.200', 2), first)
      all.add(first)
    }
    assert.deepEqual([...all].sort(), [403, 404, 480, 484, 486])
  })

  test('high accepts a weak password after some have failed, from then on only that one', () => {
    const device = startDevice()
    let nonce = nonceIn(device.texts(request({ method: 'REGISTER' }))[0] ?? '')
    const statuses: number[] = []
    const attempt = (password: string, n: number): number => {
      const [answer = ''] = device.texts(register(nonce, password, { cseq: `${n} REGISTER` }))
      nonce = nonceIn(answer) || nonce
      return statusOf(answer)
    }
    for (let n = 2; n < 12; n++) statuses.push(attempt('100', n))
    const failureCount = statuses.indexOf(200)
    assert(failureCount >= 3 && failureCount <= 7, statuses.join())
    assert(statuses.slice(failureCount).every((status) => status === 200))
    assert.equal(attempt('1234', 50), 401)
    assert.equal(attempt('not weak', 51), 401)
  })

  test('a call without a port for its media is busy', () => {
    assert.deepEqual(startDevice({ sinkCount: 0 }).statuses(invite(), TCP), [486])
  })
})

describe('a call in its time', () => {
  test('rings, is answered, and its 200 comes again until the ACK', () => {
    const device = startDevice({ pacing: 'natural' })
    const { replies, later } = device.receive(invite(), TCP)
    assert.deepEqual(
      [replies, later].map((some) => some.map(({ status }) => status)),
      [[100], [180, 200]],
    )
    device.timers.advance(10_000)
    assert.deepEqual(lateStatuses(device).slice(0, 2), [180, 200])
    const sentBefore = device.late.length
    const to = `<sip:900442081234567@203.0.113.5>;tag=${tagIn(device.late[1] ?? '')}`
    device.receive(request({ method: 'ACK', to, via: 'SIP/2.0/TCP 198.51.100.7;branch=z9hG4bK-other' }), TCP)
    device.timers.advance(60_000)
    assert.equal(device.late.length, sentBefore)
    assert.deepEqual(device.statuses(request({ method: 'BYE', to, cseq: '2 BYE' }), TCP), [200])
    assert.deepEqual(device.statuses(request({ method: 'BYE', to, cseq: '3 BYE' }), TCP), [481])
    assert.equal(device.media.length, 1)
    assert.equal(device.timers.count, 0)
  })

  test('without an ACK the 200 is sent 11 times in 32 seconds, and then the call is over', () => {
    const device = startDevice()
    device.receive(invite(), TCP)
    device.timers.advance(60_000)
    assert.deepEqual(lateStatuses(device), Array(10).fill(200)) // the first one was sent at once
    assert.equal(device.dialogs.count, 0)
    assert.equal(device.timers.count, 0)
  })

  test('a refusal comes again to a datagram source that proves itself with the request, until its ACK', () => {
    const device = startDevice({ interaction: 'medium' })
    const from = '<sip:100@203.0.113.5>;tag=1'
    const [challenge = ''] = device.texts(invite({ from, callId: 'call' }))
    const headers = [
      `Authorization: Digest username="100",realm="asterisk",nonce="${nonceIn(challenge)}",uri="x",response="0"`,
    ]
    const [refusal = ''] = device.texts(invite({ from, callId: 'call', cseq: '2 INVITE', headers }))
    assert.match(refusal, /^SIP\/2\.0 401 /)
    device.timers.advance(T1 + 2 * T1)
    assert.deepEqual(lateStatuses(device), [401, 401])
    const to = `<sip:900442081234567@203.0.113.5>;tag=${tagIn(refusal)}`
    const ack = { method: 'ACK', from, callId: 'call', cseq: '2 ACK', to }
    device.receive(request({ ...ack, uri: 'sip:900442081234567@203.0.113.5' }))
    device.timers.advance(60_000)
    assert.equal(device.late.length, 2)
  })

  test('what is forged in the name of a source that was proven before is not repeated, nor a refusal on a connection', () => {
    const device = startDevice()
    prove(device)
    assert.deepEqual(device.statuses(invite()), [100, 180, 200])
    device.receive(invite({ from: '<sip:100@203.0.113.5>;tag=1', callId: 'stream' }), TCP)
    device.timers.advance(60_000)
    assert.deepEqual(device.late, [])
  })

  test('a BYE while it rings ends the call with 487', () => {
    const device = startDevice({ pacing: 'natural' })
    device.receive(invite(), TCP)
    device.timers.advance(1_600)
    const to = `<sip:x@y>;tag=${tagIn(device.late[0] ?? '')}`
    assert.deepEqual(device.statuses(request({ method: 'BYE', to, cseq: '2 BYE' }), TCP), [200])
    device.timers.advance(60_000)
    assert.deepEqual(lateStatuses(device), [180, 487])
    assert.equal(device.media.length, 0)
  })

  test('to a source that may be forged nothing is ever sent by itself', () => {
    for (const interaction of ['low', 'medium', 'high'] as const) {
      const device = startDevice({ interaction, pacing: 'tarpit' })
      for (const bytes of [invite(), request(), request({ method: 'REGISTER' })]) {
        const { replies, later } = device.receive(bytes)
        assert.equal(replies.length, 1)
        assert.deepEqual(later, [])
      }
      device.timers.advance(120_000)
      assert.deepEqual(device.late, [])
    }
  })

  test('CANCEL while it rings: 200, and 487 to the INVITE', () => {
    const device = startDevice({ pacing: 'natural' })
    const call = invite({ body: '' })
    device.receive(call, TCP)
    const [ok = '', terminated = ''] = device.texts(cancelOf(call), TCP)
    assert.match(ok, /^SIP\/2\.0 200 [\s\S]*CSeq: 1 CANCEL\r\n/)
    assert.match(terminated, /^SIP\/2\.0 487 [\s\S]*CSeq: 1 INVITE\r\n/)
    device.timers.advance(60_000)
    assert.deepEqual(device.late, [])
    assert.equal(device.dialogs.count, 0)
    assert.deepEqual(device.statuses(cancelOf(call), TCP), [200])
  })

  test('CANCEL after the answer changes nothing', () => {
    const device = startDevice()
    const call = invite({ body: '' })
    device.receive(call, TCP)
    assert.deepEqual(device.statuses(cancelOf(call), TCP), [200])
    assert.equal(device.dialogs.count, 1)
  })

  test('media ends with 30 seconds, though the call goes on', () => {
    const device = startDevice()
    const [, , ok = ''] = device.texts(invite(), TCP)
    const to = `<sip:900442081234567@203.0.113.5>;tag=${tagIn(ok)}`
    device.receive(request({ method: 'ACK', to }), TCP)
    device.timers.advance(30_000)
    assert.equal(device.media.length, 1)
    device.timers.advance(30_000)
    assert.deepEqual(device.statuses(request({ method: 'BYE', to, cseq: '2 BYE' }), TCP), [200])
    assert.equal(device.media.length, 1)
  })

  test('a path that has closed is counted, and nothing else comes of it', () => {
    const device = startDevice({ pacing: 'natural' })
    device.receive(invite(), TCP)
    device.closePath()
    device.timers.advance(40_000)
    assert(device.counters.sendErrorCount >= 2)
    assert.equal(device.counters.repliedCount, 0)
    assert.equal(device.dialogs.count, 0)
  })

  test('a tarpit holds refusals back, and only those', () => {
    const device = startDevice({ pacing: 'tarpit', interaction: 'medium' })
    assert.deepEqual(device.statuses(request(), TCP), [200])
    const { replies, later } = device.receive(invite({ from: '<sip:100@203.0.113.5>;tag=1' }), TCP)
    assert.deepEqual([replies.length, later.map(({ status }) => status)], [0, [401]])
    device.timers.advance(3_000)
    assert.deepEqual(lateStatuses(device), [401])
  })
})

describe('retransmissions', () => {
  test('of an INVITE get what was sent last, and take no second call', () => {
    const device = startDevice({ pacing: 'natural' })
    device.receive(invite(), TCP)
    assert.deepEqual(device.statuses(invite(), TCP), [100])
    device.timers.advance(1_600)
    assert.deepEqual(device.statuses(invite(), TCP), [180])
    device.timers.advance(7_000)
    assert.deepEqual(device.statuses(invite(), TCP), [200])
    assert.equal(device.dialogs.count, 1)
  })

  test('of a BYE get 200 again', () => {
    const device = startDevice()
    const [, , ok = ''] = device.texts(invite(), TCP)
    const bye = request({ method: 'BYE', to: `<sip:x@y>;tag=${tagIn(ok)}`, cseq: '2 BYE' })
    assert.deepEqual([device.statuses(bye, TCP), device.statuses(bye, TCP)], [[200], [200]])
  })

  test('that are smaller than what was sent get nothing while the source may be forged', () => {
    const device = startDevice()
    assert.equal(device.receive(invite()).replies.length, 1)
    assert.equal(device.receive(invite(), { ...UDP, size: 100 }).replies.length, 0)
    assert.equal(device.counters.silencedByBytesCount, 1)
  })

  test('of a wrong password are no further attempt', () => {
    const device = startDevice()
    const [challenge = ''] = device.texts(request({ method: 'REGISTER' }))
    const wrong = register(nonceIn(challenge), '100', { cseq: '2 REGISTER' })
    for (let n = 0; n < 20; n++) assert.deepEqual(device.statuses(wrong), [401])
  })
})

test('a rate that is used up silences, ends the call, and is counted', () => {
  const device = startDevice({ mayReply: () => false })
  assert.deepEqual(device.statuses(invite(), TCP), [])
  assert.equal(device.counters.silencedByRateCount, 1)
  assert.equal(device.dialogs.count, 0)
})
