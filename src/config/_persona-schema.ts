// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import Type, { type Static, type TProperties } from 'typebox'

const text = (description: string, ...examples: string[]) => Type.String({ description, examples, minLength: 1 })
const maybeEmpty = (description: string, ...examples: string[]) => Type.String({ description, examples })
const texts = (description: string, ...examples: string[][]) =>
  Type.Array(Type.String({ minLength: 1 }), { description, examples, maxItems: 256 })
const yesNo = (description: string) => Type.Boolean({ description, examples: [false] })
const choice = <const T extends (string | number)[]>(description: string, values: T) =>
  Type.Unsafe<T[number]>({ enum: values, description, examples: [values[0]] })
const table = (description: string, example: Record<string, string>) =>
  Type.Record(Type.String(), Type.String(), { description, examples: [example] })
const section = <P extends TProperties>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, description })

/** What a persona file holds: type, check, and the JSON Schema that editors read. All of it is asked for. */
export const personaSchema = section('A device that a SentryPeer node can play', {
  title: text('What people call the device', 'Asterisk 16 with chan_sip'),
  server: section('What it says that it is', {
    header: choice('The header that says it', ['Server', 'User-Agent']),
    text: text('Its value', 'Asterisk PBX 16.28.0'),
  }),
  methods: section('What it can do', {
    allow: texts('Methods in the Allow header, in its order', ['INVITE', 'ACK', 'CANCEL', 'OPTIONS', 'BYE']),
    refused: texts('Methods that it knows and answers 405', ['REGISTER']),
    unknown: choice('The answer to a method that is in no RFC', [501, 405]),
    supported: texts('Extensions: the Supported header, and what a request may require', ['replaces', 'timer']),
    accept: text('The Accept header', 'application/sdp'),
  }),
  headers: section('The lines of its responses', {
    order: texts('All lines in their order; what is not named here follows', ['Via', 'From', 'To', 'Call-ID', 'CSeq']),
    options_order: texts('Likewise in a 200 to OPTIONS, where the device has another; else empty', []),
    echo_as_received: yesNo('Whether Via, From, To, Call-ID and CSeq stand as they stood in the request'),
    always: texts('Lines in every response but a 100', ['Server', 'Allow', 'Supported']),
    trying: texts('Lines in a 100', ['Server']),
    options: texts('Further lines in a 200 to OPTIONS', ['Contact', 'Accept']),
    registered: texts('Further lines in a 200 to REGISTER', ['Date']),
    call: texts('Further lines in what answers an INVITE with 101 to 299', ['Allow', 'Supported']),
    refused_call: texts('Further lines in what answers an INVITE with 300 and above', ['Allow']),
    values: table('Lines that always say the same, by name', { 'Allow-Events': 'talk, hold' }),
    content_length: choice('Whether the number of Content-Length is padded, as PJSIP does', ['plain', 'padded']),
  }),
  reasons: table('Reason phrases that are not those of the RFC, by status code, or by method and status code', {
    '603': 'Declined',
    'OPTIONS 200': 'Keepalive',
  }),
  contact: section('How it writes its own address', {
    user: yesNo('Whether the user that was called stands in it'),
    datagram: maybeEmpty('What follows the address over UDP', '', ';transport=udp'),
    stream: maybeEmpty('What follows the address over connections', ';transport=TCP'),
  }),
  auth: section('How it asks for passwords, and of whom', {
    realm: text('The realm; {address} is the address that was reached', 'asterisk', '{address}'),
    invite: choice('The answer to an INVITE that has to show a password', [401, 407]),
    challenges: texts('The lines of a challenge, the first with MD5; {realm}, {nonce}, {opaque} are filled in', [
      'Digest algorithm=MD5, realm="{realm}", nonce="{nonce}"',
    ]),
    extensions: texts('Users that can register: names, or ranges of numbers', ['100-109', '1000-1010', 'fax']),
    unknown_user: choice('The answer to a REGISTER of somebody else', [404, 403, 401]),
    guests: choice('What an INVITE without a password meets', ['challenge', 'dialplan']),
  }),
  tokens: section('What its random texts look like: text, and {ALPHABET:COUNT} for so many letters', {
    tag: text('The tag in To; 64 bits at least', 'as{hex:16}'),
    nonce: text('The nonce; 64 bits at least', '{hex:16}', '{time}/{hex:32}'),
    opaque: maybeEmpty('The opaque value', '', '{hex:16}'),
  }),
  sdp: section('What it says of calls that it takes', {
    origin: text(
      'The o= line up to the address: {id} is a number of the session, {short} one of four digits, {id+1} one more',
      'root {id} {id}',
    ),
    session: text('The s= line', 'Asterisk PBX 16.28.0', '-'),
    attributes: texts('Lines between those of the codecs and the direction', ['a=ptime:20']),
    direction: choice('Whether a=sendrecv is said, or only what is not that', ['always', 'when-needed']),
    codecs: texts('Payload types with their names', ['0 PCMU/8000', '101 telephone-event/8000']),
    rtp_ports: text('Ports for RTP', '10000-20000'),
  }),
  quirks: section('What it does unlike others', {
    malformed: choice('What a request meets that has something wrong in it: 400, or nothing', ['answer', 'drop']),
  }),
  web: section('What it says where it speaks HTTP, as before a WebSocket', {
    server: text('The Server header', 'Asterisk/16.28.0'),
  }),
  certificate: section('What the certificate of its TLS listener says', {
    common_name: text('The common name', 'pbx'),
    organisation: text('The organisation', 'Asterisk'),
  }),
})

export type PersonaFile = Static<typeof personaSchema>

/** For editors. */
export const personaJsonSchema: { [key: string]: unknown } = {
  $schema: 'http://json-schema.org/draft-07/schema#', // the newest draft that TOML editors read
  ...required(personaSchema as unknown as { [key: string]: unknown }),
  title: 'sentrypeer persona.toml',
}

/** As plain JSON; typebox keeps marks of its own on its objects, which are not enumerable. */
function required(schema: { [key: string]: unknown }): { [key: string]: unknown } {
  return JSON.parse(JSON.stringify(schema))
}
