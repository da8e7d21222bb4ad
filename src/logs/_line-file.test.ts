// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tempDir } from '../../test/support/temp-dir.ts'
import { type LineFile, type LineFileDeps, type LineFileOptions, openLineFile } from './_line-file.ts'

/** Without waiting, though it may be asked for. */
const put = (log: LineFile, line: string): void => void log.write(line)

const isLinux = process.platform === 'linux'

async function opened(t: TestContext, init: Partial<LineFileOptions & LineFileDeps> = {}) {
  const dir = tempDir(t)
  const file = join(dir, 'events.json')
  const troubles: string[] = []
  const trouble = Promise.withResolvers<string>()
  const onTrouble = (text: string) => {
    troubles.push(text)
    trouble.resolve(text)
  }
  const open = () =>
    openLineFile({ file, sizeMax: 1e6, keepFiles: 2, ...init }, { onTrouble, retryMs: 1, checkMs: 0, ...init })
  return {
    dir,
    file,
    troubles,
    trouble: trouble.promise,
    open,
    text: (name = 'events.json') => textOf(join(dir, name)),
  }
}

/** Empty while there is no such file: it may just be set aside. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Turns the event loop until the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  const endAt = performance.now() + 5000
  while (!condition()) {
    assert.ok(performance.now() < endAt, 'it did not come about')
    await new Promise(setImmediate)
  }
}

test('lines are appended in order, to what is there', async (t) => {
  const { file, open, text } = await opened(t)
  writeFileSync(file, 'before\n')
  {
    await using log = await open()
    for (let i = 0; i < 1000; i++) put(log, `line ${i}`)
  }
  assert.equal(text(), `before\n${Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('')}`)
})

test('a line that a crash cut off is ended first', async (t) => {
  const { file, open, text } = await opened(t)
  writeFileSync(file, 'cut o')
  {
    await using log = await open()
    put(log, 'next')
  }
  assert.equal(text(), 'cut o\nnext\n')
})

test('the folder is made; a file that cannot be opened is said at the start', async (t) => {
  const { dir, open } = await opened(t, {})
  const file = join(dir, 'a', 'b', 'log')
  const deep = await opened(t, { file })
  await (await deep.open())[Symbol.asyncDispose]()
  assert.equal(statSync(file).mode & 0o007, 0, 'it is not for everybody')
  mkdirSync(join(dir, 'events.json'))
  await assert.rejects(open(), { code: 'LOG_FAILED', message: /writable folder/ })
})

test('a folder that takes no other is said at once', {
  skip: process.platform !== 'linux' && 'no /proc',
}, async (t) => {
  const { open } = await opened(t, { file: '/proc/sentrypeer/log' })
  await assert.rejects(open(), { code: 'LOG_FAILED', message: /ENOENT/ })
})

test('a full file is set aside, and so many are kept', async (t) => {
  const { dir, open, text } = await opened(t, { sizeMax: 100 })
  const log = await open()
  for (let i = 0; i < 5; i++) {
    put(log, `${i}`.repeat(59))
    await until(() => text().includes(`${i}`))
  }
  await log[Symbol.asyncDispose]()
  assert.deepEqual(readdirSync(dir).sort(), ['events.json', 'events.json.1', 'events.json.2'])
  assert.equal(text('events.json.2'), `${'2'.repeat(59)}\n`)
  assert.equal(text('events.json.1'), `${'3'.repeat(59)}\n`)
  assert.equal(text(), `${'4'.repeat(59)}\n`)
})

test('with none to keep a full file is begun anew', async (t) => {
  const { dir, open, text } = await opened(t, { sizeMax: 100, keepFiles: 0 })
  const log = await open()
  for (const line of ['a'.repeat(80), 'b'.repeat(80)]) {
    put(log, line)
    await until(() => text().startsWith(line[0]!))
  }
  await log[Symbol.asyncDispose]()
  assert.deepEqual(readdirSync(dir), ['events.json'])
  assert.equal(text(), `${'b'.repeat(80)}\n`)
})

test('no line is torn or lost over many rotations', async (t) => {
  const { dir, open } = await opened(t, { sizeMax: 400_000, keepFiles: 100 })
  {
    await using log = await open()
    for (let i = 0; i < 20_000; i++) await log.write(`${i} ${'x'.repeat(200)}`)
  }
  const files = readdirSync(dir).sort((a, b) => Number(b.split('.')[2] ?? 0) - Number(a.split('.')[2] ?? 0))
  assert.ok(files.length > 5)
  for (const file of files) assert.ok(statSync(join(dir, file)).size <= 400_000, file)
  const lines = files.flatMap((file) => readFileSync(join(dir, file), 'utf8').trimEnd().split('\n'))
  assert.deepEqual(
    lines.map((line) => Number.parseInt(line, 10)),
    Array.from({ length: 20_000 }, (_, i) => i),
  )
})

test('a file that was moved away is opened anew', async (t) => {
  const { file, open, text } = await opened(t)
  const log = await open()
  put(log, 'one')
  await until(() => text() === 'one\n')
  renameSync(file, `${file}.moved`)
  put(log, 'two')
  await log[Symbol.asyncDispose]()
  assert.equal(text(), 'two\n')
  assert.equal(text('events.json.moved'), 'one\n')
})

test('a file that was emptied in place is not taken for full', async (t) => {
  const { dir, file, open, text } = await opened(t, { sizeMax: 100 })
  const log = await open()
  put(log, 'a'.repeat(80))
  await until(() => text().startsWith('a'))
  truncateSync(file)
  put(log, 'b'.repeat(80))
  await log[Symbol.asyncDispose]()
  assert.deepEqual(readdirSync(dir), ['events.json'])
  assert.equal(text(), `${'b'.repeat(80)}\n`)
})

test('a full disk is told once, with the way out, and nothing is lost', {
  skip: !isLinux && 'needs /dev/full',
}, async (t) => {
  const { file, open, text, trouble, troubles } = await opened(t)
  symlinkSync('/dev/full', file)
  const log = await open()
  put(log, 'one')
  assert.match(await trouble, /events\.json: ENOSPC.*Free space/)
  put(log, 'two')
  for (let i = 0; i < 50; i++) await new Promise(setImmediate)
  assert.equal(troubles.length, 1)
  rmSync(file)
  await until(() => text() === 'one\ntwo\n')
  await log[Symbol.asyncDispose]()
  assert.equal(troubles.length, 1)
})

test('whoever writes is asked to wait while nothing goes out', { skip: !isLinux && 'needs /dev/full' }, async (t) => {
  const { file, open, trouble } = await opened(t)
  symlinkSync('/dev/full', file)
  const log = await open()
  put(log, 'x')
  await trouble
  let asked: unknown
  for (let i = 0; asked === undefined && i < 2000; i++) asked = log.write('x'.repeat(1000))
  assert.ok(asked instanceof Promise)
  rmSync(file)
  await asked
  await log[Symbol.asyncDispose]()
})

test('a stopping node waits for no full disk, and says what was not written', {
  skip: !isLinux && 'needs /dev/full',
}, async (t) => {
  const stop = new AbortController()
  const { file, open, trouble, troubles } = await opened(t, { signal: stop.signal })
  symlinkSync('/dev/full', file)
  const log = await open()
  put(log, 'x'.repeat(2_000_000))
  await trouble
  const asked = log.write('y'.repeat(2_000_000))
  stop.abort()
  await asked
  put(log, 'z')
  await log[Symbol.asyncDispose]()
  assert.match(troubles.at(-1)!, /^3 lines were not written/)
})

test('a pipe is written to and never moved', async (t) => {
  const { dir, file, open } = await opened(t, { sizeMax: 10 })
  symlinkSync('/dev/null', file)
  {
    await using log = await open()
    for (let i = 0; i < 10; i++) put(log, 'longer than ten')
  }
  assert.deepEqual(readdirSync(dir), ['events.json'])
})
