// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { createRing, RingReader, RingWriter } from './ring.ts'

/** A record of that size: its size first, as in the journal, then its number over and over. */
function put(writer: RingWriter, size: number, number: number): boolean {
  const at = writer.reserve(size)
  if (at < 0) return false
  new DataView(writer.bytes.buffer, writer.bytes.byteOffset).setUint32(at, size, true)
  writer.bytes.fill(number & 0xff, at + 4, at + size)
  writer.add(size)
  return true
}

/** The numbers of the next records, at most so many; checks that each is whole. */
function take(reader: RingReader, countMax: number): number[] {
  const numbers: number[] = []
  for (let span = reader.next(); span !== null; span = reader.next()) {
    for (let at = span.start; at < span.end; ) {
      if (numbers.length === countMax) return numbers
      const size = new DataView(reader.bytes.buffer, reader.bytes.byteOffset).getUint32(at, true)
      const body = reader.bytes.subarray(at + 4, at + size)
      assert.ok(
        body.every((byte) => byte === body[0]),
        'a record was written over',
      )
      numbers.push(body[0]!)
      reader.release(size)
      at += size
    }
  }
  return numbers
}

test('what is published comes out once, in order and whole, whatever the sizes', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('put' as const), size: fc.integer({ min: 5, max: 120 }) }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 12 }) }),
  )
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.integer({ min: -300, max: 300 }),
      fc.constantFrom(0, 60, 200, 256),
      (steps, startAt, rewindFrom) => {
        const buffer = createRing(256)
        new Int32Array(buffer)[0] = startAt & ~255 // also where the counters pass 2³¹ and 2³²
        new Int32Array(buffer)[16] = startAt & ~255
        const writer = new RingWriter(buffer, () => {}, rewindFrom)
        const reader = new RingReader(buffer)
        const expected: number[] = []
        const got: number[] = []
        const waiting: number[] = [] // sizes
        let number = 0
        for (const one of steps) {
          if (one.kind === 'take') {
            const taken = take(reader, one.count)
            waiting.splice(0, taken.length)
            got.push(...taken)
          } else if (put(writer, one.size, ++number)) {
            waiting.push(one.size)
            expected.push(number & 0xff)
            writer.publish()
          } else assert.ok(writer.usedSize + one.size > 256 / 2, 'refused though there was room')
          assert.equal(
            writer.usedSize,
            waiting.reduce((sum, size) => sum + size, 0),
          )
        }
        got.push(...take(reader, Number.POSITIVE_INFINITY))
        assert.deepEqual(got, expected)
        assert.equal(writer.counters.takenCount, expected.length)
      },
    ),
    { numRuns: 500 },
  )
})

test('nothing shows before it is published', () => {
  const buffer = createRing(1024)
  const writer = new RingWriter(buffer, () => {})
  const reader = new RingReader(buffer)
  put(writer, 20, 1)
  put(writer, 20, 2)
  assert.equal(reader.next(), null)
  writer.publish()
  assert.deepEqual(take(reader, 10), [1, 2])
})

test('a reader that sleeps is rung for once, and does not fall asleep over a record', () => {
  const buffer = createRing(1024)
  let rings = 0
  const writer = new RingWriter(buffer, () => rings++)
  const reader = new RingReader(buffer)
  assert.equal(reader.sleep(), true)
  put(writer, 20, 1)
  writer.publish()
  put(writer, 20, 2)
  writer.publish()
  assert.equal(rings, 1)
  assert.equal(reader.sleep(), false)
  assert.deepEqual(take(reader, 10), [1, 2])
  assert.equal(reader.sleep(), true)
})

test('a quiet ring starts again at its beginning, so that it touches little memory', () => {
  const buffer = createRing(1_048_576)
  const writer = new RingWriter(buffer, () => {})
  const reader = new RingReader(buffer)
  let highest = 0
  for (let number = 0; number < 5000; number++) {
    highest = Math.max(highest, writer.reserve(500))
    assert.ok(writer.usedSize <= 500, 'what is left unused counts as waiting')
    assert.ok(put(writer, 500, number))
    writer.publish()
    assert.deepEqual(take(reader, 2), [number & 0xff])
  }
  assert.ok(highest < 70_000, `${highest}`)
})

test('a ring that started again at its beginning has all of its room, though the reader has not followed yet', () => {
  const buffer = createRing(65_536)
  const writer = new RingWriter(buffer, () => {}, 1000)
  const reader = new RingReader(buffer)
  for (let number = 0; number < 3; number++) put(writer, 500, number)
  writer.publish()
  assert.deepEqual(take(reader, 3), [0, 1, 2])
  let count = 0
  while (put(writer, 500, count)) count++
  writer.publish()
  assert.ok(count >= 130, `${count}`)
  assert.deepEqual(
    take(reader, 1000),
    Array.from({ length: count }, (_, i) => i & 0xff),
  )
})

/** Calls `between` around each access to what the two ends share. */
function atEachAccess(t: TestContext, between: () => void): void {
  let isBetween = false
  const guarded = () => {
    if (isBetween) return
    isBetween = true
    between()
    isBetween = false
  }
  for (const name of ['load', 'store', 'add', 'exchange'] as const) {
    const access = Atomics[name] as (...args: unknown[]) => unknown
    t.mock.method(Atomics, name, (...args: unknown[]) => {
      guarded()
      const value = access(...args)
      guarded()
      return value
    })
  }
}

for (const end of ['writer', 'reader'] as const) {
  test(`wherever the other end is interrupted, the ${end} is told of no more than one record`, (t) => {
    const buffer = createRing(4096)
    const writer = new RingWriter(buffer, () => {}, 1000)
    const reader = new RingReader(buffer)
    const told = end === 'writer' ? writer : reader
    let highest = 0
    atEachAccess(t, () => (highest = Math.max(highest, told.usedSize)))
    for (let number = 0; number < 100; number++) {
      assert.ok(put(writer, 300, number))
      writer.publish()
      assert.deepEqual(take(reader, 2), [number])
    }
    assert.equal(highest, 300)
  })
}

test('whatever both ends do while it is read, a ring is never told to hold more than it ever did', (t) => {
  let between = () => {}
  atEachAccess(t, () => between())
  fc.assert(
    fc.property(fc.array(fc.constantFrom('put', 'take', 'nothing'), { minLength: 200, maxLength: 200 }), (steps) => {
      const buffer = createRing(4096)
      const writer = new RingWriter(buffer, () => {}, 1000)
      const reader = new RingReader(buffer)
      let number = 0
      between = () => {
        const step = steps.pop()
        if (step === 'put' && writer.usedSize === 0 && put(writer, 300, number++ & 0xff)) writer.publish()
        if (step === 'take') take(reader, 2)
      }
      while (steps.length > 0) assert.ok(writer.usedSize <= 300 && reader.usedSize <= 300)
    }),
    { numRuns: 500 },
  )
})

test('a full ring refuses, and goes on when there is room', () => {
  const buffer = createRing(1024)
  const writer = new RingWriter(buffer, () => {})
  const reader = new RingReader(buffer)
  let count = 0
  while (put(writer, 100, count)) count++
  writer.publish()
  assert.equal(count, 10)
  assert.deepEqual(take(reader, 3), [0, 1, 2])
  assert.ok(put(writer, 100, 10))
  writer.publish()
  assert.deepEqual(take(reader, 20), [3, 4, 5, 6, 7, 8, 9, 10])
})

test('two threads agree on 200,000 records', async () => {
  const buffer = createRing(65_536)
  const source = `
    const { workerData } = require('node:worker_threads')
    import(${JSON.stringify(new URL('./ring.ts', import.meta.url).href)}).then(({ RingWriter }) => {
      const writer = new RingWriter(workerData, () => {})
      const view = new DataView(workerData, writer.bytes.byteOffset)
      for (let number = 0; number < 200000; number++) {
        const size = 5 + (number * 7919) % 400
        let at = writer.reserve(size)
        for (writer.publish(); at < 0; at = writer.reserve(size));
        view.setUint32(at, size, true)
        writer.bytes.fill(number & 255, at + 4, at + size)
        writer.add(size)
        if (number % 13 === 0) writer.publish()
      }
      writer.publish()
    })`
  const worker = new Worker(source, { eval: true, workerData: buffer })
  const reader = new RingReader(buffer)
  const failed = new Promise<never>((_, reject) => worker.once('error', reject))
  for (let count = 0; count < 200_000; ) {
    for (const number of take(reader, 1000)) assert.equal(number, count++ & 0xff)
    await Promise.race([failed, new Promise(setImmediate)])
  }
  await worker.terminate()
})
