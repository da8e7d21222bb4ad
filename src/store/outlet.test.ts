// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Outlet } from './outlet.ts'
import { createRing, RingReader, RingWriter } from './ring.ts'

const RECORD_SIZE = 8
const IDLE_LOOKS = 20
const PAUSE_MS = 5

/** A ring with a writer, and an outlet that takes so many records of a span at once. */
class Bench {
  readonly writer: RingWriter
  readonly outlet: Outlet
  readonly taken: number[] = []
  ringCount = 0
  mayTake = true
  #next = 0

  constructor(t: TestContext, atOnce = Number.POSITIVE_INFINITY) {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const buffer = createRing(1024)
    this.writer = new RingWriter(buffer, () => {
      this.ringCount++
      this.outlet.wake()
    })
    this.outlet = new Outlet(new RingReader(buffer), {
      take: (bytes, start, end) => {
        const stop = Math.min(end, start + atOnce * RECORD_SIZE)
        const view = new DataView(bytes.buffer, bytes.byteOffset)
        for (let at = start; at < stop; at += RECORD_SIZE) this.taken.push(view.getFloat64(at))
        return stop
      },
      mayTake: () => this.mayTake,
    })
    t.after(() => this.outlet.close())
  }

  put(count: number): void {
    const { bytes } = this.writer
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (let i = 0; i < count; i++) {
      view.setFloat64(this.writer.reserve(RECORD_SIZE), this.#next++)
      this.writer.add(RECORD_SIZE)
    }
    this.writer.publish()
  }

  /** So many looks, one after each pause. */
  async looks(t: TestContext, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      t.mock.timers.tick(PAUSE_MS)
      await nextTurn()
    }
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

test('all comes out in order, also round the end of the ring and when little is taken at once', async (t) => {
  const bench = new Bench(t, 7)
  bench.outlet.wake()
  for (let i = 1; i <= 10; i++) {
    bench.put(50)
    await bench.looks(t, 2)
    assert.deepEqual(bench.taken, upTo(50 * i))
  }
})

test('it sleeps after 20 looks that found nothing, and is woken by the next record', async (t) => {
  const bench = new Bench(t)
  bench.outlet.wake()
  await nextTurn()
  await bench.looks(t, IDLE_LOOKS - 2)
  bench.put(1)
  assert.equal(bench.ringCount, 0, 'it looks by itself')
  await bench.looks(t, IDLE_LOOKS + 1)
  assert.deepEqual(bench.taken, upTo(1))
  bench.put(1)
  bench.put(1)
  assert.equal(bench.ringCount, 1, 'it is rung for once')
  await nextTurn()
  assert.deepEqual(bench.taken, upTo(3))
})

test('it takes nothing while there is no room, does not sleep over what lies there, and goes on later', async (t) => {
  const bench = new Bench(t)
  bench.mayTake = false
  bench.put(5)
  bench.outlet.wake()
  await nextTurn()
  await bench.looks(t, 3 * IDLE_LOOKS)
  assert.deepEqual(bench.taken, [])
  bench.mayTake = true
  await bench.looks(t, 1)
  assert.deepEqual(bench.taken, upTo(5))
})

test('drain() takes what was there when it was asked, as long as there is room', (t) => {
  const bench = new Bench(t, 2)
  bench.put(5)
  const { end } = bench.outlet
  bench.put(4)
  bench.mayTake = false
  assert.equal(bench.outlet.drain(end), false)
  assert.deepEqual(bench.taken, [])
  bench.mayTake = true
  assert.equal(bench.outlet.drain(end), true)
  assert.deepEqual(bench.taken, upTo(6), 'what was asked for, and the end of that piece')
  assert(bench.outlet.isTaken(end) && !bench.outlet.isTaken(bench.outlet.end))
})

test('close() takes the rest, room or not, and then never again', async (t) => {
  const bench = new Bench(t, 2)
  bench.outlet.wake()
  bench.mayTake = false
  bench.put(5)
  bench.outlet.close()
  assert.deepEqual(bench.taken, upTo(5))
  bench.mayTake = true
  bench.put(1)
  bench.outlet.wake()
  await nextTurn()
  await bench.looks(t, IDLE_LOOKS)
  assert.deepEqual(bench.taken, upTo(5))
})

test('it is pressed by a ring a quarter full, or by a writer that is busy half of its time', (t) => {
  const bench = new Bench(t)
  const quarter = 1024 / RECORD_SIZE / 4
  bench.put(quarter)
  assert(!bench.outlet.isPressed)
  bench.put(1)
  assert(bench.outlet.isPressed)
  bench.outlet.drain(bench.outlet.end)
  assert(!bench.outlet.isPressed)
  bench.writer.tellBusy(0.5)
  assert(!bench.outlet.isPressed)
  bench.writer.tellBusy(0.51)
  assert(bench.outlet.isPressed)
})
