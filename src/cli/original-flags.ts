// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** The command line as today's commands read it, and what has changed for who wrote it. */
export type Translated = { readonly argv: readonly string[]; readonly notices: readonly string[] }

type Meaning = { readonly argv?: readonly string[]; readonly notice?: string }

const POOL = 'has no effect: sharing with other nodes is not in this version'
const WEBHOOK = 'has no effect: webhooks are not in this version'
const OAUTH2 = 'has no effect: OAuth 2 belongs to webhooks, which are not in this version'
const TLS_LISTEN = 'has no effect: TLS is listened for on port 5061, or where --sip tls:ADDRESS:PORT says'

/** Letters that stand alone. */
const SWITCHES: Readonly<Record<string, Meaning>> = {
  a: {
    argv: ['--api', 'on'],
    notice: 'the API listens on 127.0.0.1:8082 unless --api says otherwise; the original served everybody on 0.0.0.0',
  },
  r: { argv: ['--interaction', 'low'] },
  R: { argv: ['--no-sip'] },
  s: { argv: ['--syslog', 'on'] },
  j: { argv: ['--json-log'] },
  v: { argv: ['--log-level', 'debug'] },
  d: { argv: ['--log-level', 'debug'] },
  p: { notice: POOL },
  N: { notice: 'has no effect: there is no other listener to choose' },
  h: { argv: ['--help'] },
}

/** Letters with a value: the rest of the cluster, or the next argument. */
const WITH_VALUE: Readonly<Record<string, (value: string) => Meaning>> = {
  f: (value) => ({ argv: ['--db-file', value] }), // config.ts says what becomes of the file
  l: (value) => ({ argv: ['--json-log-file', value] }),
  g: (value) => ({ argv: ['--config', value] }),
  b: () => ({ notice: POOL }),
  i: () => ({ notice: OAUTH2 }),
  c: () => ({ notice: OAUTH2 }),
  t: (value) => ({ argv: ['--tls-certificate', value] }),
  k: (value) => ({ argv: ['--tls-key', value] }),
  z: () => ({ notice: TLS_LISTEN }),
}

const URL_START = /^https?:\/\//i

/**
 * Reads the command line of the original SentryPeer, such as `-draws` or `-f /var/lib/sentrypeer.db -jar`, as `start`.
 * Without a command, whatever there is means `start`. Other commands are passed through untouched.
 */
export function translateOriginalFlags(argv: readonly string[]): Translated {
  const [first] = argv
  if (first === undefined) return { argv: ['start'], notices: [] }
  if (first === '-V' || first === '--version') return { argv: ['version', ...argv.slice(1)], notices: [] }
  if (first === '-h' || first === '--help') return { argv: ['--help'], notices: [] }
  if (first === 'start') return translate(argv.slice(1))
  return first.startsWith('-') ? translate(argv) : { argv, notices: [] }
}

function translate(argv: readonly string[]): Translated {
  const rest = [...argv]
  const translated: string[] = ['start']
  const notices: string[] = []
  const letters = new Set<string>()
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      translated.push(word, ...rest)
      break
    }
    if (!/^-[^-]/.test(word)) {
      translated.push(word)
      continue
    }
    for (let cluster = word.slice(1); cluster !== ''; ) {
      const letter = cluster[0]!
      const { meaning, left } = readLetter(letter, cluster.slice(1), rest)
      if (letter === 'V') return { argv: ['version'], notices: [] }
      translated.push(...(meaning.argv ?? []))
      if (meaning.notice !== undefined) notices.push(`-${letter}: ${meaning.notice}`)
      letters.add(letter)
      cluster = left
    }
  }
  return { argv: translated, notices: [...notices, ...generalNotices(letters)] }
}

/** What a letter means, and what is left of its cluster. May take the value of the letter off `rest`. */
function readLetter(letter: string, left: string, rest: string[]): { meaning: Meaning; left: string } {
  if (letter === 'w') return readWebhook(left, rest)
  const withValue = WITH_VALUE[letter]
  if (withValue === undefined) return { meaning: SWITCHES[letter] ?? { argv: [`-${letter}`] }, left }
  const value = left === '' ? rest.shift() : left
  // Without a value the option goes on alone, and the parser of `start` says what is missing.
  if (value === undefined) return { meaning: { argv: withValue('').argv?.slice(0, 1) ?? [`-${letter}`] }, left: '' }
  return { meaning: withValue(value), left: '' }
}

/** A -w without a URL is passed over, since `-draws` is how the original's own documents start it. */
function readWebhook(left: string, rest: string[]): { meaning: Meaning; left: string } {
  if (URL_START.test(left)) return { meaning: { notice: WEBHOOK }, left: '' }
  if (left === '' && URL_START.test(rest[0] ?? '')) {
    rest.shift()
    return { meaning: { notice: WEBHOOK }, left: '' }
  }
  return { meaning: { notice: 'has no effect: no URL follows it, and webhooks are not in this version' }, left }
}

function generalNotices(letters: ReadonlySet<string>): string[] {
  if (letters.size === 0 || letters.has('h')) return []
  const notices = ['These are flags of the original SentryPeer; `sentrypeer start --help` shows those of today']
  if (!letters.has('r') && !letters.has('R')) {
    notices.unshift('Without -r the original stayed silent; this version answers SIP, and --passive keeps it silent')
  }
  if (letters.has('j') && !letters.has('l')) {
    notices.unshift('-j: the file is sentrypeer_json.log in the state folder, no longer in the working folder')
  }
  return notices
}
