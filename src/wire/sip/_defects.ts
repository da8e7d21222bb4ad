// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/**
 * Everything that can be wrong with a message. `fatal`: there is no SIP message. `bad`: a server answers 400 or its like.
 * `lenient`: noted, and otherwise taken as if it were right.
 */
export const DEFECTS = {
  empty: { severity: 'fatal', meaning: 'No byte but line ends' },
  'no-start-line': { severity: 'fatal', meaning: 'The first line is neither a SIP request line nor a SIP status line' },

  'method-syntax': { severity: 'bad', meaning: 'The method is not a token' },
  'request-line-space': {
    severity: 'bad',
    meaning: 'White space in the request line beyond the two single spaces (RFC 3261 §7.1)',
  },
  'uri-missing': { severity: 'bad', meaning: 'The request line has no Request-URI' },
  'uri-syntax': { severity: 'bad', meaning: 'The Request-URI is not a URI' },
  'uri-scheme': { severity: 'bad', meaning: 'The scheme of the Request-URI is not sip, sips or tel: 416' },
  'uri-headers': { severity: 'lenient', meaning: 'The Request-URI carries headers (RFC 3261 §19.1.1)' },
  'version-missing': { severity: 'bad', meaning: 'The request line has no SIP version' },
  'version-unsupported': { severity: 'bad', meaning: 'The version is not SIP/2.0: 505' },
  'status-line-syntax': { severity: 'bad', meaning: 'The status line has no three-digit code from 100 to 699' },

  'line-too-long': { severity: 'bad', meaning: 'A line of the header section is longer than 8 KiB' },
  'too-many-headers': { severity: 'bad', meaning: 'More than 256 header fields; further ones were not read' },
  'headers-too-large': { severity: 'bad', meaning: 'The header section is larger than 32 KiB; the rest was not read' },
  'message-too-large': { severity: 'bad', meaning: 'The message is larger than 65,535 bytes' },
  truncated: { severity: 'bad', meaning: 'The message ends inside a line of the header section' },
  'blank-line-missing': { severity: 'lenient', meaning: 'The message ends before the blank line after the headers' },
  'header-without-colon': { severity: 'bad', meaning: 'A header line has no colon' },
  'header-name-syntax': { severity: 'lenient', meaning: 'A header name is not a token' },
  'fold-without-header': { severity: 'bad', meaning: 'A continuation line follows the start line' },
  'bare-lf': { severity: 'lenient', meaning: 'A line of the header section ends in LF without CR' },
  'stray-cr': { severity: 'lenient', meaning: 'A CR without LF in the header section' },
  'control-byte': { severity: 'lenient', meaning: 'A NUL or another control byte in the header section' },

  'via-missing': { severity: 'bad', meaning: 'No Via header' },
  'from-missing': { severity: 'bad', meaning: 'No From header' },
  'to-missing': { severity: 'bad', meaning: 'No To header' },
  'call-id-missing': { severity: 'bad', meaning: 'No Call-ID header' },
  'cseq-missing': { severity: 'bad', meaning: 'No CSeq header' },
  'max-forwards-missing': { severity: 'lenient', meaning: 'No Max-Forwards header, as RFC 2543 allowed' },
  'header-repeated': { severity: 'bad', meaning: 'A header that may stand once stands twice' },
  'via-syntax': { severity: 'bad', meaning: 'The top Via has no protocol and sent-by' },
  'from-syntax': { severity: 'bad', meaning: 'The From header is not an address' },
  'to-syntax': { severity: 'bad', meaning: 'The To header is not an address' },
  'contact-syntax': { severity: 'bad', meaning: 'A Contact header is not an address' },
  'display-name-syntax': { severity: 'lenient', meaning: 'An unquoted display name holds more than tokens' },
  'address-space': { severity: 'lenient', meaning: 'White space next to the brackets of From or To, inside them' },
  'cseq-syntax': { severity: 'bad', meaning: 'The CSeq header is not a number and a method' },
  'cseq-range': { severity: 'bad', meaning: 'The CSeq number is 2^31 or more (RFC 3261 §8.1.1.5)' },
  'cseq-method': { severity: 'bad', meaning: 'The CSeq method is not the method of the request' },
  'max-forwards-syntax': { severity: 'bad', meaning: 'Max-Forwards is not a number from 0 to 255' },
  'content-length-missing': {
    severity: 'lenient',
    meaning: 'No Content-Length header: right in a datagram, but a stream cannot go on after it (RFC 3261 §18.3)',
  },
  'content-length-syntax': { severity: 'bad', meaning: 'Content-Length is not a number' },
  'content-length-conflict': { severity: 'bad', meaning: 'Two Content-Length values that differ' },
  'content-length-too-large': { severity: 'bad', meaning: 'Content-Length is larger than what was received' },
  'trailing-bytes': { severity: 'lenient', meaning: 'Bytes after the end that Content-Length gives; ignored' },
  'too-many-vias': { severity: 'bad', meaning: 'More than 70 Via values' },
  'too-many-routes': { severity: 'bad', meaning: 'More than 64 Route and Record-Route values' },
  'expires-syntax': { severity: 'lenient', meaning: 'Expires is not a number below 2^32' },
  'date-syntax': { severity: 'lenient', meaning: 'The Date header is not in GMT' },
} as const satisfies Record<string, { severity: 'fatal' | 'bad' | 'lenient'; meaning: string }>

export type DefectCode = keyof typeof DEFECTS
export type DefectSeverity = (typeof DEFECTS)[DefectCode]['severity']

/** One thing wrong; `at` is the byte offset in the bytes where it was noticed. Each code stands at most once, the first time. */
export type Defect = { readonly code: DefectCode; readonly severity: DefectSeverity; readonly at: number }
