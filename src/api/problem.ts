// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export { quote } from '../core/text.ts'

/** Every way the API says no. docs/errors.md lists this table; a code never changes its meaning. */
export const PROBLEMS = {
  BAD_REQUEST: { status: 400, title: 'The request is not well-formed' },
  UNKNOWN_PARAMETER: { status: 400, title: 'There is no such parameter here' },
  INVALID_PARAMETER: { status: 400, title: 'A parameter has a value that it cannot have' },
  INVALID_ADDRESS: { status: 400, title: 'This is not an IP address' },
  INVALID_NUMBER: { status: 400, title: 'This is not a phone number' },
  INVALID_CURSOR: { status: 400, title: 'This is not a place in the list' },
  KEY_NEEDED: { status: 401, title: 'A key is needed' },
  KEY_WRONG: { status: 401, title: 'The key is not known' },
  CROSS_SITE_REFUSED: { status: 403, title: 'Web pages of others may not ask this node' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this path' },
  NOT_SEEN: { status: 404, title: 'This node has not seen it in the last 7 days' },
  EVENT_NOT_HELD: { status: 404, title: 'This node does not hold that event' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'This path does not take that method' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  TOO_LARGE: { status: 413, title: 'The request body is too large' },
  PATH_TOO_LONG: { status: 414, title: 'The path is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The request body is of a kind that is not read here' },
  HOST_REFUSED: { status: 421, title: 'This node does not answer to that name' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The request headers are too large' },
  INTERNAL: { status: 500, title: 'The node has a bug' },
  NOT_READY: { status: 503, title: 'The node is still starting' },
  BUSY: { status: 503, title: 'Too many requests wait already' },
  TOO_MANY_STREAMS: { status: 503, title: 'All places for live streams are taken' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

export const PROBLEM_TYPE = 'application/problem+json'

/** A problem document, RFC 9457, with its code from the table. */
export type ProblemJson = {
  type: string
  title: string
  status: number
  code: ProblemCode
  detail: string
  parameter?: string
}

/** A problem to answer with where it is no exception: an Error costs its stack trace. */
export function problemJson(code: ProblemCode, detail: string): ProblemJson {
  const { status, title } = PROBLEMS[code]
  return { type: `urn:sentrypeer:problem:${code.toLowerCase().replaceAll('_', '-')}`, title, status, code, detail }
}

/** Thrown by a handler to answer with a problem. `parameter` names the part of the request that is at fault. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly parameter: string | undefined

  constructor(code: ProblemCode, detail: string, parameter?: string) {
    super(detail)
    this.code = code
    this.parameter = parameter
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }

  toJSON(): ProblemJson {
    const json = problemJson(this.code, this.message)
    return this.parameter === undefined ? json : { ...json, parameter: this.parameter }
  }
}
