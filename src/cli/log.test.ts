// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatLogLine, openLog } from './log.ts'
import { formatLocal } from './time.ts'

const AT = Date.UTC(2026, 10, 23, 18, 0, 0)
const paint = (_style: string, text: string) => text

test('formatLogLine() shows message, error and fields, and lets no control character through', () => {
  const line = JSON.stringify({
    level: 40,
    time: AT,
    msg: 'odd\u001b[2J',
    err: { message: 'broke', stack: 'at x' },
    count: 3,
    ip: '::1',
  })
  assert.equal(formatLogLine(line, paint), `${formatLocal(AT)} warn  odd\\x1b[2J  broke  count=3  ip=::1\n`)
})

for (const [format, isTTY, json] of [
  ['auto', false, true],
  ['auto', true, false],
  ['json', true, true],
  ['pretty', false, false],
] as const) {
  test(`openLog() writes ${json ? 'JSON' : 'lines for people'} for ${format} ${isTTY ? 'on' : 'off'} a terminal`, () => {
    let written = ''
    const stderr = { isTTY, write: (text: string) => (written += text) }
    const log = openLog({ level: 'info', format }, { env: { NO_COLOR: '1' }, stderr })
    log.debug('not this')
    log.info('The API answers at http://127.0.0.1:8082')
    log.info('hello')
    assert.equal(written.startsWith('{'), json)
    assert.match(written, /hello/)
    assert.equal(written.includes('The API answers'), json, 'people are told by start')
    assert.doesNotMatch(written, /not this/)
  })
}
