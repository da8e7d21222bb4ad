// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digitPackets, rtpPacket, telephoneEvent } from '../../../test/support/rtp.ts'
import { parseRtpHeader } from './header.ts'
import { DtmfReader, dtmfDigit, parseTelephoneEvents } from './telephone-event.ts'

function digitsOf(packets: readonly Uint8Array[], countMax = 64): string {
  const reader = new DtmfReader(countMax)
  for (const bytes of packets) reader.packet(parseRtpHeader(bytes)!, bytes)
  return reader.digits
}

/** The packets of digits pressed one after the other, ten timestamps of 20 ms each. */
const pressed = (digits: string, from = 0) =>
  [...digits].flatMap((digit, i) => digitPackets(digit, { sequence: 6 * i, timestamp: from + 1600 * i }))

test('parseTelephoneEvents() reads RFC 4733 §2.3', () => {
  assert.deepEqual(parseTelephoneEvents(Buffer.from('0b8a03c0', 'hex')), [
    { event: 11, isEnd: true, volume: 10, duration: 960 },
  ])
  assert.deepEqual(parseTelephoneEvents(Buffer.from('01 4000a0 02 bf0140 03'.replaceAll(' ', ''), 'hex')), [
    { event: 1, isEnd: false, volume: 0, duration: 160 },
    { event: 2, isEnd: true, volume: 63, duration: 320 },
  ])
  assert.deepEqual(parseTelephoneEvents(Buffer.from('0b8a03', 'hex')), [])
  assert.equal(parseTelephoneEvents(Buffer.alloc(4000)).length, 16)
})

test('dtmfDigit() knows sixteen events', () => {
  assert.equal(Array.from({ length: 256 }, (_, event) => dtmfDigit(event) ?? '').join(''), '0123456789*#ABCD')
})

test('DtmfReader counts a digit once, however often its end comes', () => {
  assert.equal(digitsOf(pressed('1147*#0')), '1147*#0')
})

test('DtmfReader knows a digit that comes late', () => {
  const [one, two] = [pressed('1'), pressed('2', 1600)] as const
  assert.equal(digitsOf([...one.slice(0, 4), ...two, ...one.slice(4)]), '12')
})

test('DtmfReader follows a key that is held for longer than a duration can say', () => {
  const held = (timestamp: number, duration: number, marker = false, isEnd = false) =>
    rtpPacket({ timestamp, marker, payload: telephoneEvent(5, duration, isEnd) })
  const packets = [
    held(0xfffff000, 160, true),
    held(0xfffff000, 0xffff),
    held(0xefff, 160),
    held(0xfffff000, 0xffff), // late
    held(0xefff, 8000, false, true),
    held(0xefff, 8000, false, true),
  ]
  assert.equal(digitsOf(packets), '5')
  const again = held(0xefff + 8000, 160, true) // the next press, at once
  assert.equal(digitsOf([...packets, again]), '55')
})

test('DtmfReader reads events that share a packet', () => {
  const payload = Buffer.concat([telephoneEvent(1, 400, true), telephoneEvent(2, 400, true)])
  const packet = rtpPacket({ payload })
  assert.equal(digitsOf([packet, packet]), '12')
})

test('DtmfReader leaves out events that are no digits, and what is beyond its bound', () => {
  const flash = rtpPacket({ payload: telephoneEvent(16, 400, true) })
  assert.equal(digitsOf([flash, ...pressed('12345')], 3), '123')
})

test('DtmfReader tells two senders apart', () => {
  const packets = ['1', '1'].flatMap((digit, i) => digitPackets(digit, { sequence: 0, timestamp: 0, ssrc: i }))
  assert.equal(digitsOf(packets), '11')
})

test('DtmfReader reads the digits as long as one packet of each comes, whatever is lost or doubled', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789*#ABCD'), maxLength: 20 })
  const survivors = fc.array(fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }), { minLength: 20, maxLength: 20 })
  fc.assert(
    fc.property(digits, survivors, fc.nat(0xffffffff), fc.boolean(), (text, kept, from, doubled) => {
      const packets = [...text].flatMap((digit, i) => {
        const all = digitPackets(digit, { sequence: 6 * i, timestamp: from + 1600 * i })
        return kept[i]!.flatMap((index) => (doubled ? [all[index]!, all[index]!] : [all[index]!]))
      })
      assert.equal(digitsOf(packets), text)
    }),
  )
})

test('DtmfReader takes any payload', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (payloads) => {
      const text = digitsOf(payloads.map((payload, sequence) => rtpPacket({ sequence, payload })))
      assert.match(text, /^[0-9*#A-D]{0,64}$/)
    }),
  )
})
