// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Closed list: the programs that requests are known to come from. Adding one is a new version of the list. */
export const SCANNER_TOOLS_VERSION = 1
export const SCANNER_TOOLS = [
  'sipvicious', // one of the next three
  'svmap',
  'svwar',
  'svcrack',
  'sundayddr',
  'sippts',
  'sipcli',
  'sipsak',
  'sipp',
  'vaxsip',
  'metasploit',
  'nmap',
  'iwar',
  'smap',
  'sipscan',
  'sivus',
  'siparmyknife',
  'nsauditor',
  'sipsorcery',
  'ozeki',
  'zoiper',
  'eyebeam',
  'x-lite',
  'microsip',
  'linphone',
  'csipsimple',
] as const
export type ScannerTool = (typeof SCANNER_TOOLS)[number]

/** What gave the program away, surest first: what it writes without being asked, what it calls itself, its habits. */
export const TOOL_EVIDENCES = ['from-tag', 'call-id', 'user-agent', 'header-order'] as const
export type ToolEvidence = (typeof TOOL_EVIDENCES)[number]

export type IdentifiedTool = { readonly name: ScannerTool; readonly evidence: ToolEvidence }

/** What of a request may give its program away; null for what it has not. */
export type ToolTraits = {
  readonly fromTag: string | null
  /** Which program of SIPVicious the From-tag can be read as one of. */
  readonly tagKind: 'svmap' | 'svwar' | 'svcrack' | null
  readonly callId: string | null
  readonly userAgent: string | null
  /** As `headerOrderHash` has it. */
  readonly headerOrder: string | null
}

/** The program that a request comes from, as far as it is one of the list and does not hide it; or null. */
export function identifyTool(traits: ToolTraits): IdentifiedTool | null {
  const { fromTag, tagKind, callId, userAgent, headerOrder } = traits
  const found: readonly (readonly [ToolEvidence, ScannerTool | null | undefined])[] = [
    ['from-tag', tagKind ?? toolOfTag(fromTag ?? '')],
    ['call-id', CALL_IDS.get(callId ?? '')],
    ['user-agent', toolOfAgent(userAgent ?? '')],
    ['header-order', HEADER_ORDERS.get(headerOrder ?? '')],
  ]
  for (const [evidence, name] of found) if (name) return { name, evidence }
  return null
}

/** A short hash of the names of a request's headers in their order, case included: FNV-1a of 32 bits in hexadecimal. */
export function headerOrderHash(names: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < names.length; at++) hash = Math.imul(hash ^ names.charCodeAt(at), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** From-tags that programs never change. */
const TAGS: ReadonlyMap<string, ScannerTool> = new Map([
  ['3206210844', 'svcrack'], // of what it asks with first
  ['70c00e8c', 'metasploit'],
])

function toolOfTag(tag: string): ScannerTool | null {
  return TAGS.get(tag) ?? (/^[0-9]+SIPpTag[0-9]+$/.test(tag) ? 'sipp' : null)
}

/** Call-IDs that programs never change. */
const CALL_IDS: ReadonlyMap<string, ScannerTool> = new Map([['50000', 'nmap']])

/** How user agents begin, in lower case; what follows is no letter. */
const AGENTS: readonly (readonly [begin: string, tool: ScannerTool])[] = [
  ['friendly-scanner', 'sipvicious'],
  ['friendly-request', 'sipvicious'],
  ['sipvicious', 'sipvicious'],
  ['sundayddr', 'sundayddr'],
  ['pplsip', 'sippts'],
  ['sippts', 'sippts'],
  ['sipcli', 'sipcli'],
  ['sipsak', 'sipsak'],
  ['sipp', 'sipp'],
  ['vaxsipuseragent', 'vaxsip'],
  ['vaxuseragent', 'vaxsip'],
  ['nmap nse', 'nmap'],
  ['iwar', 'iwar'],
  ['smap', 'smap'],
  ['sip-scan', 'sipscan'],
  ['sipscan', 'sipscan'],
  ['sivus', 'sivus'],
  ['siparmyknife', 'siparmyknife'],
  ['nsauditor', 'nsauditor'],
  ['sipsorcery', 'sipsorcery'],
  ['ozeki', 'ozeki'],
  ['zoiper', 'zoiper'],
  ['eyebeam', 'eyebeam'],
  ['x-lite', 'x-lite'],
  ['microsip', 'microsip'],
  ['linphone', 'linphone'],
  ['csipsimple', 'csipsimple'],
]

function toolOfAgent(userAgent: string): ScannerTool | null {
  const lower = userAgent.toLowerCase()
  for (const [begin, tool] of AGENTS) {
    if (lower.startsWith(begin) && !/^[a-z]/.test(lower.slice(begin.length))) return tool
  }
  return null
}

/**
 * Orders of headers as SIPVicious 0.3.3, sipsak 0.9.8 and SIPp 3.6 write them: test/e2e/scanner-tools.test.ts runs them.
 * The second one of SIPVicious is what it wrote under Python 2, which still scans the world. Metasploit copied the
 * order of sipsak, but for its From-tag.
 */
const HEADER_ORDERS: ReadonlyMap<string, ScannerTool> = new Map(
  (
    [
      ['Via Max-Forwards To From User-Agent Call-ID Contact CSeq Accept Content-Length', 'sipvicious'],
      ['Via Max-Forwards To From User-Agent Call-ID Contact CSeq Accept Content-Length Authorization', 'svcrack'],
      ['Via Max-Forwards To From User-Agent Call-ID Contact CSeq Accept Content-Length Proxy-Authorization', 'svcrack'],
      ['v t f i m CSeq Max-Forwards Accept Content-Length', 'sipvicious'],
      ['Via Content-Length From Accept User-Agent To Contact CSeq Call-ID Max-Forwards', 'sipvicious'],
      ['Via From To Call-ID CSeq Contact Content-Length Max-Forwards User-Agent Accept', 'sipsak'],
      ['Via From To Call-ID CSeq Contact Content-Length Max-Forwards User-Agent', 'sipsak'],
      ['Via From To Call-ID CSeq Content-Length Max-Forwards User-Agent Expires Contact', 'sipsak'],
      ['Authorization Via From To Call-ID CSeq Content-Length Max-Forwards User-Agent Expires Contact', 'sipsak'],
      ['Via From To Call-ID CSeq Contact Max-Forwards Subject Content-Type Content-Length', 'sipp'],
      ['Via From To Call-ID CSeq Contact Max-Forwards Subject Content-Length', 'sipp'],
    ] as const
  ).map(([names, tool]) => [headerOrderHash(names), tool]),
)
