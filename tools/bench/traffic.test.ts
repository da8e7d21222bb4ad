// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { normalizeNumber } from '../../src/core/phone-number.ts'
import { calledNumbers } from '../../src/wire/sip/called-number.ts'
import { parseMessage } from '../../src/wire/sip/message.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { groupsOf, PLAIN_COUNT, PLAIN_SIZE, plainMessages, variedMessages, writeTraffic } from './traffic.ts'

const VARIED_COUNT = 20_000
const plain = plainMessages()
const varied = variedMessages(VARIED_COUNT)
const parse = (text: string) => parseMessage(Buffer.from(text, 'latin1'))

test('no message has a defect, and none is there twice', () => {
  for (const message of [...plain, ...varied]) assert.deepEqual(parse(message).defects, [], message)
  assert.equal(new Set(plain).size, PLAIN_COUNT)
  assert.equal(new Set(varied).size, VARIED_COUNT)
})

test('plain messages are OPTIONS of one size', () => {
  assert.deepEqual(new Set(plain.map(({ length }) => length)), new Set([PLAIN_SIZE]))
  assert(plain.every((message) => parse(message).method === 'OPTIONS'))
})

test('varied messages are half calls to numbers of the world, and about 530 bytes', () => {
  const methods = varied.map((message) => parse(message).method!)
  const partOf = (method: string): number => methods.filter((one) => one === method).length / VARIED_COUNT
  assert(Math.abs(partOf('INVITE') - 0.5) < 0.02, `${partOf('INVITE')}`)
  assert(partOf('OPTIONS') > 0.2 && partOf('REGISTER') > 0.2)
  const size = varied.reduce((sum, { length }) => sum + length, 0) / VARIED_COUNT
  assert(size > 510 && size < 550, `${size}`)
  const calls = varied.slice(0, 2000).filter((_, i) => methods[i] === 'INVITE')
  const numbers = calls.map((message) => calledNumbers(parse(message))[0]!.raw)
  const real = numbers.filter((raw) => normalizeNumber(raw).e164 !== null)
  assert(real.length > numbers.length / 2, `${real.length} of ${numbers.length}`)
  assert(new Set(numbers).size > 0.99 * numbers.length)
})

test('two calls make the same traffic', () => {
  assert.deepEqual(variedMessages(100), variedMessages(100))
  assert.deepEqual(plainMessages(100), plain.slice(0, 100))
})

test('groupsOf() puts each message once into a group of its size that one send can carry', () => {
  const groups = groupsOf(varied)
  assert.deepEqual(groups.flat().sort(), [...varied].sort())
  for (const group of groups) {
    assert(group.length <= 64 && group.length * group[0]!.length <= 65_507)
    assert(group.every(({ length }) => length === group[0]!.length))
  }
})

test('writeTraffic() writes what load.c reads: each group where the head says', (t) => {
  const file = path.join(tempDir(t), 'traffic')
  const messages = varied.slice(0, 300)
  writeTraffic(file, messages)
  const bytes = readFileSync(file)
  assert.equal(bytes.toString('latin1', 0, 4), 'SIP1')
  const found: string[] = []
  for (let i = 0; i < bytes.readUInt32LE(4); i++) {
    const [offset, size, count] = [0, 4, 8].map((at) => bytes.readUInt32LE(8 + 12 * i + at)) as [number, number, number]
    for (let n = 0; n < count; n++) found.push(bytes.toString('latin1', offset + n * size, offset + (n + 1) * size))
  }
  assert.deepEqual(found.sort(), [...messages].sort())
})
