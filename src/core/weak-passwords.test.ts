// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WEAK_PASSWORD_COUNT_MAX, weakPasswords } from './weak-passwords.ts'

test('weakPasswords() begins with what is made of the user', () => {
  assert.deepEqual(weakPasswords('102').slice(0, 8), ['102', '', '102102', '201', '102123', '1021234', '102!', '0102'])
  for (const common of ['1234', '0000', 'password', 'admin', 'asterisk']) assert(weakPasswords('102').includes(common))
})

test('weakPasswords() puts those of the operator before the common ones, as the bytes that are on the wire', () => {
  const passwords = weakPasswords('ab', ['Grüße', '1234'])
  assert.deepEqual(passwords.slice(8, 10), ['Gr\xc3\xbc\xc3\x9fe', '1234'])
})

test('weakPasswords() gives each once, and no more than its limit', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string(), { maxLength: 200 }), (user, more) => {
      const passwords = weakPasswords(user, more)
      assert(passwords.length <= WEAK_PASSWORD_COUNT_MAX)
      assert.equal(new Set(passwords).size, passwords.length)
      assert.equal(passwords[0], user)
    }),
  )
  assert(weakPasswords('102').length <= WEAK_PASSWORD_COUNT_MAX - 10, 'there is room for those of the operator')
})
