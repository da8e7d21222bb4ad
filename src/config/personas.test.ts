// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { loadPersona, parsePersona, personaNames, readPersonaText } from './personas.ts'

const page = readFileSync(new URL('../../docs/personas.md', import.meta.url), 'utf8')
const text = readPersonaText('asterisk-chan-sip')

/** What is said of the default persona with one line changed. */
function refusal(from: string | RegExp, to: string): string {
  const changed = text.replace(from, to)
  assert.notEqual(changed, text, 'nothing was changed')
  try {
    parsePersona('x', 'x.toml', changed)
  } catch (error) {
    assert(error instanceof RangeError)
    return error.message
  }
  assert.fail('it was accepted')
}

describe('personas', () => {
  for (const name of personaNames()) {
    test(`${name} is read, and has a row in docs/personas.md`, () => {
      const persona = loadPersona(name)
      assert.equal(persona.name, name)
      assert(page.includes(`\n| \`${name}\` | `))
    })
  }

  test('the example in docs/personas.md is read', () => {
    const example = /```toml\n(title = [\s\S]*?)```/.exec(page)?.[1]
    assert(example !== undefined)
    const { persona } = parsePersona('hotel', 'docs/personas.md', example)
    assert.equal(persona.title, 'The PBX of a hotel')
    assert.equal(persona.extensions.size, 51)
    assert.equal(persona.methodReasons.get('OPTIONS 200'), 'Alive')
  })

  test('extensions are names and ranges, with their zeros', () => {
    const changed = text.replace(/^extensions = .*$/m, 'extensions = ["08-11", "fax", "7"]')
    const { extensions } = parsePersona('x', 'x.toml', changed).persona
    assert.deepEqual([...extensions], ['08', '09', '10', '11', 'fax', '7'])
  })

  test('a persona can be handed to a thread', () => {
    for (const name of personaNames()) assert.deepEqual(structuredClone(loadPersona(name)), loadPersona(name))
  })
})

describe('a persona file that is wrong', () => {
  const cases: readonly [from: string | RegExp, to: string, says: RegExp][] = [
    ['title = ', 'titel = ', /^persona x\.toml: titel: there is no such key; did you mean title\?; title: is missing/],
    ['[quirks]\nmalformed = "answer"\n', '', /quirks: is missing; it is a section, \[quirks\]/],
    [/^unknown = .*$/m, 'unknown = 404', /methods\.unknown = 404: must be 501 or 405/],
    [
      /^guests = .*$/m,
      'guests = "dial-plan"',
      /auth\.guests = "dial-plan": must be challenge or dialplan; did you mean dialplan\?/,
    ],
    [/^user = true$/m, 'user = "yes"', /contact\.user = "yes": must be true or false/],
    [/^text = .*$/m, 'text = "Asterisk\\r\\nX: y"', /server\.text = .*: must be a text in ASCII on one line, such as/],
    [/^refused = .*$/m, 'refused = "INVITE"', /methods\.refused = "INVITE": must be a list of at most 256 texts/],
    [/^values = .*$/m, 'values = { X = 1 }', /headers\.values\.X = 1: must be a text/],
    [/^options = .*$/m, 'options = ["Acept"]', /headers\.options: there is no value for Acept; did you mean Accept\?/],
    [
      /^tag = .*$/m,
      'tag = "as{hex:8}"',
      /tokens\.tag = "as\{hex:8\}": can be guessed: it carries 32 bits, and must carry 64/,
    ],
    [/^tag = .*$/m, 'tag = "{base64:20}"', /tokens\.tag = .*: has characters that may not stand there/],
    [/^nonce = .*$/m, 'nonce = "{hex}"', /tokens\.nonce = "\{hex\}": has a brace that is not of the form/],
    [/^nonce = .*$/m, "nonce = '{hex:16}\"'", /tokens\.nonce, tokens\.opaque: must have no "/],
    [/^opaque = .*$/m, 'opaque = "{hex:60}"', /tokens\.opaque = .*: is, with the nonce, longer/],
    [/^challenges = .*$/m, "challenges = ['Basic']", /auth\.challenges\[0\] = "Basic": must begin with Digest/],
    [/^challenges = .*$/m, 'challenges = []', /auth\.challenges: must have a line/],
    [
      /^challenges = .*$/m,
      `challenges = ['Digest realm="{realm}", nonce="{nonce}", algorithm=SHA-256']`,
      /the first must be MD5/,
    ],
    [/^realm = .*$/m, "realm = 'a\"b'", /auth\.realm = .*: must have no "/],
    [/^extensions = .*$/m, 'extensions = ["109-100"]', /auth\.extensions: "109-100" must go up/],
    [/^extensions = .*$/m, 'extensions = ["0-99999"]', /auth\.extensions: "0-99999" must go up/],
    [/^codecs = .*$/m, 'codecs = ["PCMU"]', /sdp\.codecs: "PCMU" must be such as "0 PCMU\/8000"/],
    [/^rtp_ports = .*$/m, 'rtp_ports = "80-90"', /sdp\.rtp_ports = "80-90": must be such as 10000-20000/],
    [/^481 = .*$/m, '4810 = "x"', /reasons\.4810: must be a status code/],
    [/^title = .*$/m, 'title = ', /^persona x\.toml, line \d+: not TOML: /],
  ]
  for (const [from, to, says] of cases) test(`${to.slice(0, 60)}`, () => assert.match(refusal(from, to), says))

  test('a name that there is not suggests the near one, and lists all', () => {
    assert.throws(() => loadPersona('freeswich'), {
      message:
        /^there is no such persona; did you mean freeswitch\? There are asterisk-chan-sip, .*kamailio, and files that end in \.toml$/,
    })
    assert.throws(() => loadPersona('/nowhere/x.toml'), {
      message: /^cannot read the persona: ENOENT.*\/nowhere\/x\.toml/,
    })
  })
})
