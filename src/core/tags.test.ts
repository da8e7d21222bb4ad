// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BEHAVIOURS, TAGS, TAGS_VERSION } from './tags.ts'

test('docs/tags.md tells of every tag, in the order of the list, and of its version', () => {
  const text = readFileSync(new URL('../../docs/tags.md', import.meta.url), 'utf8')
  const named = Array.from(text.matchAll(/^\| `([a-z-]+)` \|/gm), ([, tag]) => tag)
  assert.deepEqual(named, [...TAGS])
  assert.match(text, new RegExp(`version ${TAGS_VERSION} of it`))
})

test('all tags fit into the bits that index and indicators have for them', () => {
  assert(TAGS.length <= 20)
  assert(BEHAVIOURS.length <= 3)
})
