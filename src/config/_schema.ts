// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import Type, { type Static, type TProperties, type TSchemaOptions } from 'typebox'
import type { SipTransport } from '../core/event.ts'
import type { Personas } from '../sensors/uas/persona.ts'

/** One address to take SIP on. `host` is a bare IP address: no brackets. Port 0 asks the system for a free one. */
export type SipListen = { transport: SipTransport; host: string; port: number }

/** Which device is at an own address: the name of a persona, or the absolute path of a file. */
export type AddressPersona = { address: string; persona: string }

/** What a text must be, beyond being a text. Each has its reader in _values.ts. */
export type Form =
  | 'folder'
  | 'file'
  | 'sip-listen'
  | 'cidr'
  | 'address'
  | 'host-name'
  | 'syslog-target'
  | 'persona'
  | 'address-persona'

/**
 * A leaf's options. `flag` is the option of `start` that sets it; `defaultText` stands where the default is not a constant;
 * both and `form` are ours and are left out of the published JSON Schema.
 */
type Leaf = {
  description: string
  default?: unknown
  defaultText?: string
  form?: Form
  flag?: string
  examples: unknown[]
}

const section = <P extends TProperties>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, description })
const text = (leaf: Leaf) => Type.String(leaf as TSchemaOptions)
const texts = (leaf: Leaf) => Type.Array(Type.String(), leaf as TSchemaOptions)
const yesNo = (leaf: Omit<Leaf, 'examples'>) => Type.Boolean({ ...leaf, examples: [true, false] })
const whole = (minimum: number, maximum: number, leaf: Leaf) => Type.Integer({ minimum, maximum, ...leaf })

const perSecond = (normal: number, description: string) =>
  section(description, {
    rate: whole(1, 10_000_000, { description: 'Replies a second', default: normal, examples: [normal] }),
  })

/**
 * Everything that can be set: the one place. The type `Config`, the check, the defaults, the example file,
 * the JSON Schema and the table in the documents are all read from here. Keys are written here as the code
 * writes them (`quotaMiB`), and in files with underscores (`quota_mib`): see `_leaves.ts`.
 */
export const schema = section('Settings of a SentryPeer node', {
  state: section('What the node remembers', {
    dir: text({
      description: 'Folder of the journal, the index and the local key',
      defaultText: '$XDG_STATE_HOME/sentrypeer, else ~/.local/state/sentrypeer; $STATE_DIRECTORY under systemd',
      form: 'folder',
      flag: '--state-dir DIR',
      examples: ['/var/lib/sentrypeer'],
    }),
    quotaMiB: whole(64, 16_777_216, {
      description: 'Disk the journal may fill; past it, messages are kept without their full bytes and still counted',
      default: 2048,
      examples: [2048],
    }),
  }),
  sip: section('The SIP sensor, which attackers talk to', {
    enabled: yesNo({ description: 'Whether to listen for SIP at all', default: true, flag: '--no-sip' }),
    listen: Type.Unsafe<SipListen[]>(
      texts({
        description:
          'Where to listen: TRANSPORT:ADDRESS:PORT, where TRANSPORT is udp, tcp, tls, ws or wss; IPv6 addresses in brackets',
        default: [
          ...['udp:0.0.0.0:5060', 'udp:[::]:5060', 'tcp:0.0.0.0:5060', 'tcp:[::]:5060'],
          ...['udp:0.0.0.0:5061', 'udp:[::]:5061', 'tls:0.0.0.0:5061', 'tls:[::]:5061'],
        ],
        form: 'sip-listen',
        flag: '--sip URI',
        examples: [['udp:192.0.2.1:5060', 'tls:[2001:db8::1]:5061']],
      }),
    ),
    interaction: Type.Enum(['passive', 'low', 'medium', 'high'], {
      description:
        'How far attackers get: passive (nothing is sent), low (answers), medium (asks for passwords, accepts none), high (accepts weak passwords, and calls)',
      default: 'medium',
      flag: '--interaction LEVEL',
      examples: ['medium'],
    }),
    pacing: Type.Enum(['none', 'natural', 'tarpit'], {
      description:
        'When sources that proved their address are answered: at once (none), as by a real device that rings first (natural), refusals later still (tarpit)',
      default: 'natural',
      examples: ['natural'],
    }),
    persona: text({
      description:
        'The device that the sensor plays: a name of `sentrypeer config personas`, or a file that ends in .toml',
      default: 'asterisk-chan-sip',
      form: 'persona',
      flag: '--persona NAME',
      examples: ['asterisk-chan-sip', '/etc/sentrypeer/my-pbx.toml'],
    }),
    addressPersonas: Type.Unsafe<AddressPersona[]>(
      texts({
        description: 'Another device on some of the own addresses: ADDRESS=NAME, or ADDRESS=FILE',
        default: [],
        form: 'address-persona',
        examples: [['192.0.2.10=freeswitch', '2001:db8::10=kamailio']],
      }),
    ),
    receiver: Type.Enum(['auto', 'recvmmsg', 'dgram'], {
      description:
        'How UDP is received: recvmmsg (many datagrams a call; Linux and Node 26 only), dgram (Node itself), or auto: the fastest there is',
      default: 'auto',
      examples: ['auto'],
    }),
    receiverThreads: whole(0, 16, {
      description: 'Threads that receive UDP by recvmmsg; 0: one, and with more than 3 cores one for every two',
      default: 0,
      examples: [0],
    }),
    neverReply: texts({
      description: 'Sources that never get a reply, as addresses or CIDR ranges; they are still recorded',
      default: [],
      form: 'cidr',
      examples: [['192.0.2.0/24', '2001:db8::/32']],
    }),
    tls: section('The certificate that listeners of tls and wss show, read again when its files change and on SIGHUP', {
      certificate: text({
        description: 'PEM file of the certificate, and of those that lead to its issuer',
        defaultText: 'tls/cert.pem in the state folder, made at the first start',
        form: 'file',
        examples: ['/etc/ssl/sentrypeer/fullchain.pem'],
      }),
      key: text({
        description: 'PEM file of its private key, without a passphrase',
        defaultText: 'tls/key.pem in the state folder, made at the first start',
        form: 'file',
        examples: ['/etc/ssl/sentrypeer/privkey.pem'],
      }),
      minVersion: Type.Enum(['1.0', '1.1', '1.2', '1.3'], {
        description: 'The oldest version of TLS that is spoken; 1.0 lets old scanners in, and old ciphers with them',
        default: '1.2',
        examples: ['1.2'],
      }),
    }),
    replyLimit: section('How many replies a second are sent at most; events are recorded all the same', {
      off: yesNo({ description: 'No limit on the rate of replies (for measurements)', default: false }),
      source: section('To one address', {
        rate: whole(1, 10_000_000, { description: 'Replies a second', default: 50, examples: [50] }),
        burst: whole(1, 10_000_000, { description: 'Replies at once after a pause', default: 200, examples: [200] }),
      }),
      prefix: perSecond(500, 'To one /24 (IPv4) or /48 (IPv6) network'),
      total: perSecond(20_000, 'To everybody together'),
    }),
  }),
  api: section('The HTTP API', {
    enabled: yesNo({ description: 'Whether to serve the API', default: true, flag: '--no-api' }),
    host: text({
      description: 'Address to listen on; beyond this machine every request needs a key',
      default: '127.0.0.1',
      form: 'address',
      flag: '--api HOST:PORT',
      examples: ['127.0.0.1', '::1'],
    }),
    port: whole(0, 65_535, {
      description: 'TCP port; 0 asks the system for a free one',
      default: 8082,
      flag: '--api HOST:PORT',
      examples: [8082],
    }),
    allowedHosts: texts({
      description: 'Further names by which browsers may call the API (the Host header), against DNS rebinding',
      default: [],
      form: 'host-name',
      examples: [['sentrypeer.example.net']],
    }),
  }),
  log: section("The node's own log, on standard error", {
    level: Type.Enum(['debug', 'info', 'warn', 'error'], {
      description: 'The least important messages that are written',
      default: 'info',
      flag: '--log-level LEVEL',
      examples: ['info'],
    }),
    format: Type.Enum(['auto', 'json', 'pretty'], {
      description: 'One JSON object a line, or lines for people; auto: for people on a terminal, else JSON',
      default: 'auto',
      examples: ['auto'],
    }),
  }),
  jsonLog: section('Events as JSON lines in a file, for other programs', {
    enabled: yesNo({ description: 'Whether to write that file', default: false, flag: '--json-log' }),
    file: text({
      description: 'The file',
      defaultText: 'sentrypeer_json.log in the state folder',
      form: 'file',
      flag: '--json-log-file FILE',
      examples: ['/var/log/sentrypeer/sentrypeer_json.log'],
    }),
    maxMiB: whole(1, 1_048_576, {
      description: 'Size at which a new file is begun and the old one is set aside',
      default: 100,
      examples: [100],
    }),
    keepFiles: whole(0, 1000, { description: 'How many files set aside are kept', default: 5, examples: [5] }),
  }),
  syslog: section('Events as syslog messages', {
    enabled: yesNo({ description: 'Whether to send them', default: false, flag: '--syslog [TARGET]' }),
    target: text({
      description: 'system (the log of this machine) or udp:ADDRESS:PORT, an IP address',
      default: 'system',
      form: 'syslog-target',
      flag: '--syslog [TARGET]',
      examples: ['system', 'udp:192.0.2.10:514'],
    }),
  }),
})

type Settings = Static<typeof schema>

/**
 * Everything a node is told. One branch a part; only config.ts reads files, environment and flags. The personas that
 * are named were read too.
 */
export type Config = { readonly [K in keyof Settings]: Settings[K] } & { readonly sip: { readonly personas: Personas } }
