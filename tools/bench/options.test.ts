// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MODES, type Options, parseOptions } from './options.ts'

function optionsOf(...args: string[]): Options {
  const parsed = parseOptions(args)
  assert(parsed.kind === 'run', JSON.stringify(parsed))
  return parsed.options
}

function complaintOf(...args: string[]): string {
  const parsed = parseOptions(args)
  assert(parsed.kind === 'wrong', JSON.stringify(parsed))
  return parsed.text
}

test('without a mode all are measured, in their order', () => {
  assert.deepEqual(optionsOf().modes, Object.keys(MODES))
  assert.deepEqual(optionsOf('flood', 'replies', 'flood').modes, ['replies', 'flood'])
})

test('--quick means one run, and what is said beside it counts', () => {
  const { runs, seconds, eventCount } = optionsOf('--quick')
  assert.deepEqual({ runs, seconds, eventCount }, { runs: 1, seconds: 1, eventCount: 100_000 })
  const told = optionsOf('--quick', '--runs', '2', '--seconds', '7', '--events', '5000', '--rate', '900')
  assert.deepEqual([told.runs, told.seconds, told.eventCount, told.rate], [2, 7, 5000, 900])
  const { sourceCount, traffic } = optionsOf('replies', '--sources', '1', '--traffic', 'varied')
  assert.deepEqual([sourceCount, traffic], [1, 'varied'])
  assert.deepEqual([optionsOf().runs, optionsOf().seconds, optionsOf().rate], [3, null, null])
})

test('an unknown mode is named, with the one that was meant and all there are', () => {
  assert.match(complaintOf('repiles'), /no mode "repiles"; did you mean replies\?.* flood/)
  assert.match(complaintOf('lokups'), /did you mean lookups\?/)
  assert.match(complaintOf('ists'), /did you mean lists\?/)
  assert.doesNotMatch(complaintOf('quux'), /did you mean/)
})

test('what is no number of the kind that is asked for is refused', () => {
  for (const text of ['0', '-1', '1.5', 'many', '', '1e3', '99999999999999999999'])
    assert.match(complaintOf('lag', `--runs=${text}`), /--runs is ".*"; it must be 1 to 100/)
  assert.match(complaintOf('--events', '5'), /--events is "5"/)
  assert.match(complaintOf('--traffic', 'none'), /--traffic is "none"; it must be plain or varied/)
  assert.match(complaintOf('--fast'), /--fast/)
})

test('the help names every mode, and has examples that are understood', () => {
  const parsed = parseOptions(['lag', '--help'])
  assert(parsed.kind === 'help')
  for (const mode of Object.keys(MODES)) assert(parsed.text.includes(`  ${mode} `), mode)
  const examples = [...parsed.text.split('Examples:')[1]!.matchAll(/npm run bench(?: -- (.*))?$/gm)]
  assert(examples.length >= 5)
  for (const [, words = ''] of examples) optionsOf(...words.split(' ').filter(Boolean))
})
