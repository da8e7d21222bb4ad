// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** How many passwords `weakPasswords` gives at most. */
export const WEAK_PASSWORD_COUNT_MAX = 128

/** What the accounts of careless PBXs are opened with, after what `weakPasswords` makes of the user. */
const COMMON: readonly string[] = [
  ...['1234', '12345', '123456', '1234567', '12345678', '123456789', '1234567890', '123', '123123', '4321', '54321'],
  ...['0000', '1111', '2222', '3333', '4444', '5555', '6666', '7777', '8888', '9999', '00000', '11111', '000000'],
  ...['111111', '666666', '888888', '1212', '2020', '1122', '1010', '2580', '1004', '0123', '9876', '2468', '1357'],
  ...['2000', '2001', '2023', '2024', '2025', '2026', '1000', '100', '200'],
  ...['password', 'Password', 'passw0rd', 'P@ssw0rd', 'password1', 'password123', 'pass', 'pass123', 'pass1234'],
  ...['admin', 'admin123', 'administrator', 'root', 'toor', 'user', 'guest', 'default', 'changeme', 'letmein'],
  ...['secret', 'test', 'test123', 'test1234', 'demo', 'qwerty', 'qwerty123', 'abc123', 'abcd1234', 'welcome'],
  ...['asterisk', 'freepbx', 'elastix', 'trixbox', 'sip', 'sipsip', 'voip', 'voip123', 'phone', 'pbx', 'extension'],
]

/**
 * The passwords to try for a user, likeliest first, each once: what people make of the user, then `more`, then the
 * common ones. All text has one character for each byte, as on the wire. Past the limit the last ones are left out.
 */
export function weakPasswords(user: string, more: readonly string[] = []): string[] {
  const reversed = [...user].reverse().join('')
  const made = [user, '', user + user, reversed, `${user}123`, `${user}1234`, `${user}!`, `0${user}`]
  const spelled = more.map((password) => Buffer.from(password).toString('latin1'))
  return [...new Set([...made, ...spelled, ...COMMON])].slice(0, WEAK_PASSWORD_COUNT_MAX)
}
