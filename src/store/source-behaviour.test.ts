// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { request } from '../../test/support/sip-samples.ts'
import { writeAddress } from '../core/address.ts'
import type { Behaviour } from '../core/tags.ts'
import { Facts } from './facts.ts'
import { behaviourBits, UDP } from './record.ts'
import { BEHAVIOUR_LIMITS, SourceBehaviour } from './source-behaviour.ts'

const START = 1_795_456_800_000
const { windowMs, credentialCount, registerCount, userCount, floodMs, floodCount } = BEHAVIOUR_LIMITS

type Message = {
  readonly ip: string
  readonly method: string
  readonly user: string | null
  readonly credentials: boolean
  readonly ms: number // since the one before
}

function bytesOf({ method, user, credentials }: Message): Buffer {
  return request({
    method,
    to: user === null ? '<sip:203.0.113.5>' : `<sip:${user}@203.0.113.5>`,
    headers: credentials ? ['Authorization: Digest username="100", response="0"'] : [],
  })
}

class Bench {
  readonly behaviour = new SourceBehaviour()
  readonly #facts = new Facts()
  readonly #address = new Uint8Array(16)
  at = START

  note(facts: Partial<Message>): number {
    const message = { ip: '192.0.2.1', method: 'REGISTER', user: '100', credentials: false, ms: 0, ...facts }
    const bytes = bytesOf(message)
    this.at += message.ms
    writeAddress(message.ip, this.#address, 0)
    this.#facts.read(bytes, 0, bytes.length, UDP)
    return this.behaviour.note(new DataView(this.#address.buffer), 0, this.at, this.#facts)
  }
}

/** The same said in objects, with all users and a window for each thing. */
class Model {
  readonly #sources = new Map<string, { secondAt: number; count: number; windowAt: number; requests: Message[] }>()

  note(message: Message, at: number): number {
    const key = message.ip.includes(':') ? message.ip.split(':').slice(0, 4).join(':') : message.ip
    const source = this.#sources.get(key) ?? { secondAt: at, count: 0, windowAt: at, requests: [] }
    this.#sources.set(key, source)
    if (at - source.secondAt >= floodMs) Object.assign(source, { secondAt: at, count: 0 })
    const found: Behaviour[] = ++source.count > floodCount ? ['flood'] : []
    const isRegister = message.method === 'REGISTER'
    const isNumber = /(?:[0-9].*){7}/.test(message.user ?? '')
    const user = message.method !== 'SUBSCRIBE' && (isRegister || !isNumber) ? message.user : null
    if (user === null && !message.credentials) return behaviourBits(found)
    if (source.requests.length === 0 || at - source.windowAt >= windowMs)
      Object.assign(source, { windowAt: at, requests: [] })
    source.requests.push({ ...message, user })
    const { requests } = source
    const users = [...new Set(requests.flatMap((one) => one.user ?? []))]
    const registers = requests.filter((one) => one.user === user && one.method === 'REGISTER').length
    const isKept = user !== null && users.indexOf(user) < userCount - 1
    const guesses = requests.filter((one) => one.credentials).length
    if ((message.credentials && guesses >= credentialCount) || (isRegister && isKept && registers >= registerCount))
      found.push('register-bruteforce')
    if (user !== null && !isKept) found.push('extension-enum')
    return behaviourBits(found)
  }
}

const messages = fc.record({
  ip: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:2::1'),
  method: fc.constantFrom('REGISTER', 'REGISTER', 'INVITE', 'OPTIONS', 'SUBSCRIBE'),
  user: fc.constantFrom(null, '100', '101', '102', 'alice', 'bob', '1000', '00442081234567', '900442081234567'),
  credentials: fc.boolean(),
  ms: fc.oneof({ weight: 9, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.nat(400_000) }),
})

test('what a source does is what a naive model says of it', () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 150 }), (all) => {
      const bench = new Bench()
      const model = new Model()
      for (const [i, message] of all.entries()) {
        assert.equal(bench.note(message), model.note(message, bench.at), `message ${i}`)
      }
    }),
  )
})

test('a phone that registers with a wrong password once, and tries anew after that, does nothing', () => {
  const bench = new Bench()
  for (let hour = 0; hour < 5; hour++) {
    assert.equal(bench.note({ ms: 3_600_000 }), 0)
    for (let i = 0; i < 2; i++) assert.equal(bench.note({ credentials: true, ms: 500 }), 0)
    for (let i = 0; i < 3; i++) assert.equal(bench.note({ method: 'OPTIONS', user: null, ms: 15_000 }), 0)
  }
})

test('guessed passwords are told from the fifth on, and the window begins anew', () => {
  const bench = new Bench()
  const bruteforce = behaviourBits(['register-bruteforce'])
  for (let i = 1; i < credentialCount; i++) assert.equal(bench.note({ credentials: true, ms: 1000 }), 0)
  assert.equal(bench.note({ credentials: true, ms: 1000 }), bruteforce)
  assert.equal(bench.note({ method: 'INVITE', credentials: true, ms: 1000 }), bruteforce)
  assert.equal(bench.note({ credentials: true, ms: windowMs }), 0)
})

test('a number dialled behind ever new prefixes is no extension, and a search of extensions is one', () => {
  const bench = new Bench()
  for (let i = 0; i < 50; i++) assert.equal(bench.note({ method: 'INVITE', user: `${i}00442081234567`, ms: 100 }), 0)
  const found = Array.from({ length: 6 }, (_, i) => bench.note({ method: 'INVITE', user: String(100 + i), ms: 100 }))
  assert.deepEqual(
    found,
    [0, 0, 0, 0, 1, 1].map((is) => is * behaviourBits(['extension-enum'])),
  )
})

test('a phone that subscribes to ten lamps searches nothing', () => {
  const bench = new Bench()
  for (let i = 0; i < 10; i++) assert.equal(bench.note({ method: 'SUBSCRIBE', user: String(100 + i), ms: 50 }), 0)
})

test('more than a hundred messages in a second are a flood, as long as it lasts', () => {
  const bench = new Bench()
  const options = { method: 'OPTIONS', user: null } as const
  for (let i = 0; i < floodCount; i++) assert.equal(bench.note(options), 0)
  assert.equal(bench.note({ ...options, ms: floodMs - 1 }), behaviourBits(['flood']))
  assert.equal(bench.note({ ...options, ms: 1 }), 0)
})

test('a clock that steps back opens new windows', () => {
  const bench = new Bench()
  for (let i = 0; i < credentialCount; i++) bench.note({ credentials: true })
  assert.equal(bench.note({ credentials: true, ms: -windowMs }), 0)
})

test('a flood of made-up sources takes no memory, and the busy ones are remembered through it', () => {
  const bench = new Bench()
  for (let i = 0; i < 40_000; i++) {
    if (i % 8_000 === 0) bench.note({ credentials: true, ms: 1 })
    const ip = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
    bench.note({ ip, method: 'OPTIONS', user: null, ms: i % 10 === 0 ? 1 : 0 })
  }
  assert.equal(bench.note({ credentials: true }), behaviourBits(['register-bruteforce']))
})
