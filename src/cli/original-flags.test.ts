// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { translateOriginalFlags } from './original-flags.ts'

const TODAY = 'These are flags of the original SentryPeer; `sentrypeer start --help` shows those of today'
const API =
  '-a: the API listens on 127.0.0.1:8082 unless --api says otherwise; the original served everybody on 0.0.0.0'
const SILENT = 'Without -r the original stayed silent; this version answers SIP, and --passive keeps it silent'
const JSON_LOG = '-j: the file is sentrypeer_json.log in the state folder, no longer in the working folder'

describe('translateOriginalFlags()', () => {
  const cases: readonly [words: string, argv: string, notices?: readonly string[]][] = [
    ['', 'start'],
    ['--passive', 'start --passive'],
    ['start --sip udp:127.0.0.1:5060', 'start --sip udp:127.0.0.1:5060'],
    ['status --json', 'status --json'],
    ['-V', 'version'],
    ['--version', 'version'],
    ['-h', '--help'],
    ['--help', '--help'],
    ['start -h', 'start --help'],
    ['-ah', 'start --api on --help', [API]],
    ['ip -h', 'ip -h'],
    [
      '-draws',
      'start --log-level debug --interaction low --api on --syslog on',
      [API, '-w: has no effect: no URL follows it, and webhooks are not in this version', TODAY],
    ],
    ['-r', 'start --interaction low', [TODAY]],
    ['-R', 'start --no-sip', [TODAY]],
    ['-v', 'start --log-level debug', [SILENT, TODAY]],
    ['-jar', 'start --json-log --api on --interaction low', [API, JSON_LOG, TODAY]],
    ['-rj -l /log/x', 'start --interaction low --json-log --json-log-file /log/x', [TODAY]],
    ['-rf /x/sentrypeer.db', 'start --interaction low --db-file /x/sentrypeer.db', [TODAY]],
    ['-r -f/x/sentrypeer.db', 'start --interaction low --db-file /x/sentrypeer.db', [TODAY]],
    ['-r -g /etc/x.toml', 'start --interaction low --config /etc/x.toml', [TODAY]],
    [
      '-rp -b node.example',
      'start --interaction low',
      [
        '-p: has no effect: sharing with other nodes is not in this version',
        '-b: has no effect: sharing with other nodes is not in this version',
        TODAY,
      ],
    ],
    [
      '-r -w https://example.net/x',
      'start --interaction low',
      ['-w: has no effect: webhooks are not in this version', TODAY],
    ],
    [
      '-rwhttps://example.net/x',
      'start --interaction low',
      ['-w: has no effect: webhooks are not in this version', TODAY],
    ],
    [
      '-r -i me -c s3cret',
      'start --interaction low',
      [
        '-i: has no effect: OAuth 2 belongs to webhooks, which are not in this version',
        '-c: has no effect: OAuth 2 belongs to webhooks, which are not in this version',
        TODAY,
      ],
    ],
    [
      '-r -t c.pem -k k.pem -z 0.0.0.0:5061',
      'start --interaction low --tls-certificate c.pem --tls-key k.pem',
      ['-z: has no effect: TLS is listened for on port 5061, or where --sip tls:ADDRESS:PORT says', TODAY],
    ],
    ['-rN', 'start --interaction low', ['-N: has no effect: there is no other listener to choose', TODAY]],
    ['-r -f', 'start --interaction low --db-file', [TODAY]],
    ['-rx', 'start --interaction low -x', [TODAY]],
    ['--passive -- -r', 'start --passive -- -r'],
    ['-r --state-dir /x', 'start --interaction low --state-dir /x', [TODAY]],
  ]
  for (const [words, argv, notices = []] of cases) {
    test(`sentrypeer ${words}`, () => {
      const translated = translateOriginalFlags(words.split(' ').filter((word) => word !== ''))
      assert.equal(translated.argv.join(' '), argv)
      assert.deepEqual(translated.notices, notices)
    })
  }

  test('never repeats a secret in a notice', () => {
    const { argv, notices } = translateOriginalFlags(['-c', 's3cret', '-i', 'identity'])
    assert.doesNotMatch([...argv, ...notices].join(' '), /s3cret|identity/)
  })

  test('ends, and begins with a command, whatever it is given', () => {
    const word = fc.oneof(fc.string({ maxLength: 8 }), fc.stringMatching(/^-[a-zA-Z]{1,6}$/))
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
        const [first] = translateOriginalFlags(argv).argv
        assert(first !== undefined)
        assert(first === '--help' || !first.startsWith('-') || argv[0] === first)
      }),
    )
  })
})
