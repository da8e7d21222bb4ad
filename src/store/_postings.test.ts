// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSecret, KeyHash } from './_key-hash.ts'
import { GROUP_SIZE, groupOfPiece, Postings, pieceIdAt, placesIn } from './_postings.ts'

test('each key of a group is found in the piece that its hash names, with at least the rows that hold it', () => {
  const hash = new KeyHash(createSecret().fill(7)) // always the same: by chance two keys may share what rows they have
  const postings = new Postings()
  for (let place = 0; place < GROUP_SIZE; place++) {
    postings.add(hash.of('ip', `address ${place}`), place)
    postings.add(hash.of('number', `number ${place % 100}`), place)
    postings.add(hash.of('method', place === 9 ? 'RARE' : 'INVITE'), place)
  }
  const pieces = postings.pack(7)
  const find = (key: number): number[] | 'all' => {
    const piece = pieces.findLast(({ id }) => id <= pieceIdAt(7, key))
    return piece === undefined ? [] : placesIn(piece.bytes, key)
  }
  assert(pieces.every(({ id, bytes }) => groupOfPiece(id) === 7 && bytes.length <= 4000))
  assert.deepEqual(
    pieces.map(({ id }) => id),
    pieces.map(({ id }) => id).sort((a, b) => a - b),
  )
  for (let place = 0; place < GROUP_SIZE; place += 61) {
    for (const key of [hash.of('ip', `address ${place}`), hash.of('number', `number ${place % 100}`)]) {
      const places = find(key)
      assert(places !== 'all' && places.includes(place) && places.length < 100)
    }
  }
  assert.equal(find(hash.of('method', 'INVITE')), 'all')
  assert((find(hash.of('method', 'RARE')) as number[]).includes(9))
})

test('a key is another one with another secret, another text and as something else', () => {
  const secret = createSecret()
  const hash = new KeyHash(secret)
  const keys = [
    hash.of('ip', '1000'),
    hash.of('number', '1000'),
    hash.of('number', '10000'),
    hash.of('number', '1000\0'),
    new KeyHash(secret.map((byte) => byte ^ 1)).of('ip', '1000'),
  ]
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(new KeyHash(secret).of('ip', '1000'), keys[0])
})
