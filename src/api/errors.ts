// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type FastifyError, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { sendText } from './_send.ts'
import { PROBLEM_TYPE, Problem, type ProblemCode, type ProblemJson, quote } from './problem.ts'

/** On every response: nothing here is a page, a script or a thing to keep. */
export const STRICT_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const

export function sendProblem(reply: FastifyReply, problem: ProblemJson): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="sentrypeer"') // RFC 9110 §11.6.1
  return sendText(reply.code(problem.status), PROBLEM_TYPE, JSON.stringify(problem))
}

const FRAMEWORK_ERRORS: Record<string, readonly [ProblemCode, detail: string]> = {
  FST_ERR_BAD_URL: ['BAD_REQUEST', 'The path holds a % that two hexadecimal digits of UTF-8 do not follow'],
  FST_ERR_MAX_PARAM_LENGTH: ['PATH_TOO_LONG', 'One part of a path may have 256 characters'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['TOO_LARGE', 'A request body may have 64 KiB'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'Send application/json'],
}

/** Answers whatever a handler, a hook or Fastify threw. Only bugs are logged: anybody can cause the rest. */
export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers(STRICT_HEADERS) // Fastify calls this without the hooks for a path that it cannot decode
  return sendProblem(reply, problemOf(error, request).toJSON())
}

/** Says nothing of requests, which anybody can cause; but an answer that broke off with a bug is told here alone. */
export class ApiLog extends LogController {
  constructor() {
    super({ disableRequestLogging: true })
  }

  override streamError(error: Error & { code?: string }, request: FastifyRequest): void {
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error instanceof Problem) return
    logBug(error, request, 'Cannot finish an answer')
  }
}

function logBug(err: Error, { log, method, routeOptions }: FastifyRequest, text: string): void {
  log.error({ err, method, route: routeOptions.url }, text)
}

function problemOf(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  if (error.validation !== undefined) return invalidParameter(error)
  const known = FRAMEWORK_ERRORS[error.code]
  if (known !== undefined) return new Problem(...known)
  if (error.statusCode !== undefined && error.statusCode < 500) return new Problem('BAD_REQUEST', error.message)
  logBug(error, request, 'Cannot answer a request')
  return new Problem('INTERNAL', 'The request was not answered; the log of the node says why')
}

/** Ajv with `verbose` also gives the value, and the schema whose description says what is right. */
type VerboseError = {
  keyword: string
  instancePath: string
  params: { additionalProperty?: unknown }
  data?: unknown
  parentSchema?: { description?: string; properties?: Record<string, unknown> }
}

function invalidParameter(error: FastifyError): Problem {
  const first = (error.validation as VerboseError[] | undefined)?.[0]
  if (first === undefined) return new Problem('INVALID_PARAMETER', error.message)
  if (first.keyword === 'additionalProperties') {
    const name = String(first.params.additionalProperty)
    const known = Object.keys(first.parentSchema?.properties ?? {})
    const right = known.length === 0 ? 'This path takes none' : `Known here: ${known.join(', ')}`
    return new Problem('UNKNOWN_PARAMETER', `${quote(name)} is not a parameter of this path. ${right}`, name)
  }
  const name = first.instancePath.slice(1)
  const right = first.parentSchema?.description ?? error.message
  return new Problem('INVALID_PARAMETER', `${name} is ${quote(first.data)}. It must be: ${right}`, name)
}

const CLIENT_ERRORS: Record<string, Problem> = {
  HPE_HEADER_OVERFLOW: new Problem('HEADERS_TOO_LARGE', 'Request line and headers together may have 16 KiB'),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem('REQUEST_TIMEOUT', 'A request must arrive within 10 seconds'),
}
const NOT_HTTP = new Problem('BAD_REQUEST', 'This is not an HTTP/1.1 request')

/** Answers bytes that did not become a request. */
export function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = CLIENT_ERRORS[error.code ?? ''] ?? NOT_HTTP
  const body = JSON.stringify(problem)
  const headers = { ...STRICT_HEADERS, 'content-type': PROBLEM_TYPE, 'content-length': Buffer.byteLength(body) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const status = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n`
  socket.end(`${status}${lines.join('')}connection: close\r\n\r\n${body}`)
}
