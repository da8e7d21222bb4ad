// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  fstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { commit, openJournal, PROMPT_DISK } from '../../test/support/journal.ts'
import { observation, sipRequest } from '../../test/support/observations.ts'
import { tempDir } from '../../test/support/temp-dir.ts'
import { SALT_SIZE, serializeBlock } from './block.ts'
import { JournalReader } from './journal-reader.ts'
import type { JournalFiles, JournalWriter } from './journal-writer.ts'
import { eventRecordSize, writeEventRecord } from './record.ts'
import { DAY_MS, HOUR_MS } from './retention.ts'
import { listSegments, SEGMENT_HEADER_SIZE, scanSegment, segmentName } from './segment.ts'

const START = 1_795_456_800_000 // an hour's first instant

function append(writer: JournalWriter, at: number, name: string): number {
  const wanted = observation({ at, bytes: sipRequest({ callId: name }) })
  const bytes = new Uint8Array(eventRecordSize(wanted))
  writeEventRecord(wanted, bytes, 0)
  return writer.append(bytes, 0, at)
}

function names(dir: string, after = 0, limit = 10_000): string[] {
  using reader = new JournalReader(dir)
  return reader.read(after, limit).map(({ record }) => nameOf(record))
}

function nameOf(record: ReturnType<JournalReader['get']>): string {
  assert(record?.type === 'event')
  return /Call-ID: (.*)\r/.exec(Buffer.from(record.observation.bytes).toString('latin1'))?.[1] ?? ''
}

function fill(dir: string, commits: number, perCommit: number): string[] {
  using writer = openJournal(dir)
  const written: string[] = []
  for (let i = 0; i < commits * perCommit; i++) {
    written.push(`call-${i}`)
    append(writer, START + i, `call-${i}`)
    if (i % perCommit === perCommit - 1) commit(writer)
  }
  return written
}

test('records come back in order, from any place on, also after opening again', (t) => {
  const dir = tempDir(t)
  const written = fill(dir, 20, 7)
  assert.deepEqual(names(dir), written)
  assert.deepEqual(names(dir, 0, 10), written.slice(0, 10))
  using reader = new JournalReader(dir)
  const all = reader.read(0, 1000)
  for (const i of [0, 1, 6, 7, 77, 139]) {
    const id = all[i]?.id ?? 0
    assert.equal(nameOf(reader.get(id)), written[i])
    assert.deepEqual(names(dir, id), written.slice(i + 1))
  }
  assert.equal(reader.get((all[0]?.id ?? 0) - 1), null)
})

test('ids only rise, also when the clock steps back or the folder is opened again', (t) => {
  const dir = tempDir(t)
  const ids: number[] = []
  for (const offset of [0, 10, -5_000, -2 * HOUR_MS, DAY_MS, 3]) {
    using writer = openJournal(dir)
    ids.push(append(writer, START + offset, `a${offset}`), append(writer, START + offset, `b${offset}`))
    commit(writer)
  }
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  )
  assert.equal(new Set(ids).size, ids.length)
  assert.equal(names(dir).length, ids.length)
})

test('nothing is readable before commit, and position tells what is', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  const id = append(writer, START, 'one')
  assert.deepEqual(names(dir), [])
  assert.notEqual(writer.position, id)
  commit(writer)
  assert.equal(writer.position, id)
  assert.deepEqual(names(dir), ['one'])
})

test('a tail torn at any byte is cut on open, and all before it kept', (t) => {
  const whole = tempDir(t)
  const written = fill(whole, 3, 4)
  const [segment] = listSegments(whole)
  assert(segment !== undefined)
  const bytes = readFileSync(segment.path)
  const ends = scanSegment(segment.path).blocks.map(({ at, header }) => at + 64 + header.storedSize)
  for (let size = SEGMENT_HEADER_SIZE; size < bytes.length; size += 13) {
    const dir = tempDir(t)
    writeFileSync(`${dir}/${segment.path.split('/').at(-1)}`, bytes.subarray(0, size))
    const wholeBlocks = ends.filter((end) => end <= size).length
    using writer = openJournal(dir)
    assert.deepEqual(names(dir), written.slice(0, 4 * wholeBlocks), `cut at ${size}`)
    append(writer, START + 100, 'later')
    commit(writer)
    assert.deepEqual(names(dir), [...written.slice(0, 4 * wholeBlocks), 'later'], `cut at ${size}`)
  }
})

test('the bytes of a torn block are kept beside the segment, and told', (t) => {
  const dir = tempDir(t)
  fill(dir, 2, 4)
  const [segment] = listSegments(dir)
  assert(segment !== undefined)
  truncateSync(segment.path, statSync(segment.path).size - 5)
  using writer = openJournal(dir)
  assert.match(writer.repairs.join(), /cut \d+ bytes of a block/)
  assert(readdirSync(dir).some((name) => name.endsWith('.torn')))
  assert.equal(writer.expire(START + 8 * DAY_MS), 1)
  assert.deepEqual(readdirSync(dir), [])
})

test('damage in the middle costs its own block and no other', (t) => {
  const dir = tempDir(t)
  const written = fill(dir, 5, 4)
  const [segment] = listSegments(dir)
  assert(segment !== undefined)
  const places = scanSegment(segment.path).blocks
  for (const [harm, lost] of [
    [{ block: 2, offset: 80 }, [8, 12]], // in the stored bytes
    [{ block: 1, offset: 8 }, [4, 8]], // in a header, so that the next block must be searched for
  ] as const) {
    const bytes = readFileSync(segment.path)
    const at = (places[harm.block]?.at ?? 0) + harm.offset
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(segment.path, bytes)
    using writer = openJournal(dir)
    assert.match(writer.repairs.join(), /damaged/)
    const left = written.filter((_, i) => i < lost[0] || i >= lost[1])
    assert.deepEqual(names(dir), left)
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(segment.path, bytes)
  }
  assert.deepEqual(names(dir), written)
})

test('a segment of a later version is refused and left as it is', (t) => {
  const dir = tempDir(t)
  fill(dir, 1, 1)
  const [segment] = listSegments(dir)
  assert(segment !== undefined)
  const bytes = readFileSync(segment.path)
  bytes.writeUInt32LE(99, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  writeFileSync(segment.path, bytes)
  assert.throws(() => openJournal(dir), { code: 'STATE_TOO_NEW' })
  assert.deepEqual(readFileSync(segment.path), bytes)
})

test('each UTC hour has its segment, which goes when its last record turns 7 days old', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  for (let hour = 0; hour < 5; hour++) {
    append(writer, START + hour * HOUR_MS + 1, `hour-${hour}`)
    commit(writer)
  }
  assert.equal(listSegments(dir).length, 5)
  assert.equal(writer.expire(START + HOUR_MS + 7 * DAY_MS - 1), 0)
  assert.equal(writer.expire(START + HOUR_MS + 7 * DAY_MS), 1)
  assert.deepEqual(names(dir), ['hour-1', 'hour-2', 'hour-3', 'hour-4'])
  assert.equal(writer.expire(START + 8 * DAY_MS), 4)
  assert.deepEqual(names(dir), [])
  append(writer, START + 8 * DAY_MS, 'again')
  commit(writer)
  assert.deepEqual(names(dir), ['again'])
})

test('a reader that stays open sees what is written later, and loses what expires', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  using reader = new JournalReader(dir)
  const first = append(writer, START, 'first')
  commit(writer)
  assert.equal(reader.read(0, 10).length, 1)
  append(writer, START + HOUR_MS, 'second')
  commit(writer)
  append(writer, START + HOUR_MS + 1, 'third')
  commit(writer)
  assert.deepEqual(
    reader.read(first, 10).map(({ record }) => nameOf(record)),
    ['second', 'third'],
  )
  writer.expire(START + HOUR_MS + 7 * DAY_MS)
  reader.refresh()
  assert.equal(reader.get(first), null)
})

test('an hour with much to keep has several segments, of which the quota takes the oldest', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir, 1000)
  for (let i = 0; i < 20; i++) {
    append(writer, START + i, `call-${i}`)
    commit(writer)
  }
  const count = listSegments(dir).length
  assert(count > 3, String(count))
  assert.equal(names(dir).length, 20)
  while (writer.dropOldest() !== null);
  assert.equal(listSegments(dir).length, 1)
  assert.equal(names(dir).at(-1), 'call-19')
})

test('a damaged segment header costs nothing: it is written again from the first block, and told', (t) => {
  const dir = tempDir(t)
  const written = fill(dir, 5, 4)
  const [segment] = listSegments(dir)
  assert(segment !== undefined)
  const sound = readFileSync(segment.path)
  for (let at = 0; at < SEGMENT_HEADER_SIZE; at++) {
    const bytes = Buffer.from(sound)
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(segment.path, bytes)
    assert.deepEqual(names(dir), written, 'a reader does not need it')
    using writer = openJournal(dir)
    assert.match(writer.repairs.join(), /header was damaged and was written again/)
    assert.deepEqual(readFileSync(segment.path), sound)
  }
})

test('a segment of which no block can be read is put aside whole, and goes when it would have expired', (t) => {
  const dir = tempDir(t)
  fill(dir, 1, 4)
  const [segment] = listSegments(dir)
  assert(segment !== undefined)
  const bytes = readFileSync(segment.path)
  bytes.fill(0, 0, SEGMENT_HEADER_SIZE + 64)
  writeFileSync(segment.path, bytes)
  using writer = openJournal(dir)
  assert.match(writer.repairs.join(), /kept in .*\.unreadable/)
  assert.deepEqual(readFileSync(`${segment.path}.unreadable`), bytes)
  writer.expire(START + HOUR_MS + 7 * DAY_MS - 1)
  assert.equal(readdirSync(dir).length, 1)
  writer.expire(START + HOUR_MS + 7 * DAY_MS)
  assert.deepEqual(readdirSync(dir), [])
})

test('a block that a sender put into its message is no block, wherever the real one is torn or damaged', (t) => {
  const facts = { recordCount: 1, firstId: Number.MAX_SAFE_INTEGER - 2 ** 33, firstAt: START, lastAt: START }
  const forged = observation({ validation: 'transport', bytes: sipRequest({ callId: 'forged' }) })
  const record = new Uint8Array(eventRecordSize(forged))
  writeEventRecord(forged, record, 0)
  const block = serializeBlock(record, facts, Buffer.alloc(SALT_SIZE))
  const evil = observation({ at: START, bytes: Buffer.concat([randomBytes(20_000), block, randomBytes(20_000)]) })
  const whole = tempDir(t)
  {
    using writer = openJournal(whole)
    append(writer, START, 'good')
    commit(writer)
    const bytes = new Uint8Array(eventRecordSize(evil))
    writeEventRecord(evil, bytes, 0)
    writer.append(bytes, 0, START)
    commit(writer)
  }
  const [segment] = listSegments(whole)
  assert(segment !== undefined)
  const sound = readFileSync(segment.path)
  assert(sound.includes(block), 'the forged block lies in the file as it came')
  const evilAt = scanSegment(segment.path).blocks[1]?.at ?? 0
  const harms: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, bytes.length - 5000), // torn
    (bytes) => bytes.fill(0, evilAt + 100, evilAt + 200), // its bytes
    (bytes) => bytes.fill(0, evilAt, evilAt + 64), // its header, so that the next one must be searched for
  ]
  for (const harm of harms) {
    const dir = tempDir(t)
    writeFileSync(`${dir}/${segment.path.split('/').at(-1)}`, harm(Buffer.from(sound)))
    using writer = openJournal(dir)
    assert.deepEqual(names(dir), ['good'])
    assert(append(writer, START + 1, 'next') < facts.firstId)
  }
})

test('an hour that a wrong clock wrote holds up the expiry of no other', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  for (const at of [START + 400 * DAY_MS, START, START + HOUR_MS]) {
    append(writer, at, String(at))
    commit(writer)
  }
  assert.equal(writer.oldest?.hour, START / HOUR_MS)
  assert.equal(writer.expire(START + 8 * DAY_MS), 2)
  assert.deepEqual(names(dir), [String(START + 400 * DAY_MS)])
})

test('what was cut from a segment that is gone goes as well', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  append(writer, START, 'one')
  commit(writer)
  const [name] = readdirSync(dir)
  writeFileSync(`${dir}/${name}.torn`, 'kept with its segment')
  writeFileSync(`${dir}/${segmentName(START * 1000 - 1, START / HOUR_MS)}.torn`, 'left over')
  writer.expire(START)
  assert.deepEqual(readdirSync(dir).sort(), [name, `${name}.torn`])
})

test('a reader keeps the places of so many blocks only, and reads all nevertheless', (t) => {
  const dir = tempDir(t)
  using writer = openJournal(dir)
  const ids: number[] = []
  for (let i = 0; i < 300; i++) {
    ids.push(append(writer, START + Math.floor(i / 50) * HOUR_MS + i, `call-${i}`))
    commit(writer)
  }
  using reader = new JournalReader(dir, 120)
  for (const [i, id] of [...ids.entries(), ...[...ids.entries()].reverse()]) {
    assert.equal(nameOf(reader.get(id)), `call-${i}`)
    assert(reader.placeCount <= 120, String(reader.placeCount))
  }
  assert.equal(reader.read(0, 1000).length, 300)
  assert(reader.placeCount <= 120)
})

/** A disk whose sync fails when told to, after which the pages it should have written are lost but counted as clean. */
function failingDisk(dir: string): { files: JournalFiles; fail: (count: number) => void } {
  let failures = 0
  const synced = new Map<string, number>()
  const files: JournalFiles = {
    ...PROMPT_DISK,
    sync(fd, done) {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      const { size } = fstatSync(fd)
      const from = synced.get(path) ?? 0
      if (failures === 0) {
        synced.set(path, size)
        done(null)
        return
      }
      failures--
      writeSync(fd, Buffer.alloc(size - from), 0, size - from, from)
      done(Object.assign(new Error(`EIO: i/o error, ${dir}`), { code: 'EIO' }))
    },
  }
  return { files, fail: (count) => (failures = count) }
}

for (const durableBefore of [0, 2]) {
  test(`after a failed sync nothing is told durable that the disk lost (${durableBefore} blocks before)`, {
    skip: process.platform !== 'linux',
  }, (t) => {
    const dir = tempDir(t)
    const disk = failingDisk(dir)
    const written: string[] = []
    const add = (writer: JournalWriter, at: number): void => {
      written.push(`call-${written.length}`)
      append(writer, at, written.at(-1) ?? '')
    }
    {
      using writer = openJournal(dir, undefined, disk.files)
      using reader = new JournalReader(dir)
      for (let i = 0; i < durableBefore; i++) {
        add(writer, START + i)
        commit(writer)
      }
      const before = writer.position
      add(writer, START + 10)
      disk.fail(2)
      assert.throws(() => commit(writer), { code: 'EIO' })
      assert.equal(writer.position, before)
      assert(writer.waiting && writer.heldSize > 0)
      assert.equal(reader.read(before, 10).length, 0)
      add(writer, START + 11)
      assert.throws(() => commit(writer), { code: 'EIO' })
      add(writer, START + HOUR_MS)
      assert.equal(
        commit(writer).reduce((sum, { recordCount }) => sum + recordCount, 0),
        3,
      )
      assert.equal(writer.heldSize, 0)
      assert.deepEqual(
        reader.read(0, 10).map(({ record }) => nameOf(record)),
        written,
      )
      assert.equal(reader.read(0, 10).at(-1)?.id, writer.position)
      assert.equal(
        writer.size,
        listSegments(dir).reduce((sum, { path }) => sum + statSync(path).size, 0),
      )
    }
    using again = openJournal(dir)
    assert.deepEqual(again.repairs, [])
    assert.deepEqual(names(dir), written)
  })
}
