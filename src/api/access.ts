// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../core/loopback.ts'
import { Problem, quote } from './problem.ts'

/** Who asks: `keyed` carried the administrator's key; `trusted` may read what needs no key on this machine. */
export type Access = { readonly keyed: boolean; readonly trusted: boolean }

declare module 'fastify' {
  interface FastifyRequest {
    access: Access
  }
  interface FastifyContextConfig {
    /** The route answers everybody, wherever the server is bound. */
    open?: boolean
  }
}

const TRUSTED: Access = { keyed: false, trusted: true } // what most requests have

export type AccessRules = { readonly host: string; readonly allowedHosts: readonly string[]; readonly adminKey: string }

/** Returns what decides, before any handler runs, whether a request is answered. It throws a Problem if not. */
export function accessGate(rules: AccessRules): (request: FastifyRequest) => Access {
  const exposed = !isLoopback(rules.host)
  const names = new Set(['localhost', ...rules.allowedHosts.map((name) => name.toLowerCase())])
  const checkHost = hostCheck(names)
  const hasKey = keyCheck(rules.adminKey)
  const isLocal = peerCheck()
  return (request) => {
    const { headers, socket } = request.raw
    checkHost(headers.host)
    checkSite(headers, names)
    const { authorization } = headers
    const keyed = hasKey(authorization)
    const trusted = keyed || !(exposed || !isLocal(socket) || isForwarded(headers))
    if (trusted && authorization === undefined) return TRUSTED
    const open = request.routeOptions.config?.open === true
    if (open || trusted) {
      if (!open && !keyed && authorization !== undefined) {
        throw new Problem(
          'KEY_WRONG',
          'The Authorization header holds no key of this node; leave it out to read without',
        )
      }
      return { keyed, trusted }
    }
    if (authorization === undefined) {
      throw new Problem('KEY_NEEDED', 'Send the key of this node as "Authorization: Bearer KEY"')
    }
    throw new Problem('KEY_WRONG', 'The Authorization header must be "Bearer " and a key of this node')
  }
}

/** Whether a connection comes from this machine, which is asked once of each. */
function peerCheck(): (socket: Socket) => boolean {
  const known = new WeakMap<Socket, boolean>()
  return (socket) => {
    const before = known.get(socket)
    if (before !== undefined) return before
    const isLocal = isLoopback(socket.remoteAddress ?? '')
    known.set(socket, isLocal)
    return isLocal
  }
}

/** A proxy on this machine passes on what comes from elsewhere, so its marks make a request remote. */
function isForwarded(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) {
    if (name === 'forwarded' || name === 'via' || name === 'x-real-ip' || name.startsWith('x-forwarded-')) return true
  }
  return false
}

/**
 * Against DNS rebinding: a page elsewhere can make its own name point to this node and so read it with the
 * browser's blessing, but it cannot make the browser send another name. Only HTTP/1.0 has no Host, and no browser speaks it.
 */
function hostCheck(names: ReadonlySet<string>): (host: string | undefined) => void {
  let lastRight: string | undefined // who asks often asks by one name
  return (host) => {
    if (host === lastRight || host === undefined) return
    const name = host.toLowerCase().replace(/:\d*$/, '')
    const literal = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
    if (isIP(literal) === 0 && !names.has(name)) {
      throw new Problem(
        'HOST_REFUSED',
        `The Host header is ${quote(host)}. Call the node by IP address or localhost, or add the name to api.allowed_hosts`,
      )
    }
    lastRight = host
  }
}

/**
 * A page of another site cannot read an answer, but it could make this node work for nothing, or see by the time it takes
 * what the node holds. Browsers say where a request comes from; programs say nothing.
 */
function checkSite(headers: IncomingHttpHeaders, names: ReadonlySet<string>): void {
  const { origin } = headers
  const isOurs = origin === undefined || isOwnOrigin(origin, headers.host, names)
  if (headers['sec-fetch-site'] !== 'cross-site' && isOurs) return
  const from = isOurs ? 'Sec-Fetch-Site is "cross-site"' : `The Origin header is ${quote(origin)}`
  throw new Problem('CROSS_SITE_REFUSED', `${from}. Ask from a program, or from a page under the name of this node`)
}

function isOwnOrigin(origin: string, host: string | undefined, names: ReadonlySet<string>): boolean {
  if (!URL.canParse(origin)) return false // "null" too: a page that has no site
  const url = new URL(origin)
  return url.host === host?.toLowerCase() || names.has(url.hostname)
}

/** Compares digests, so that neither time nor length tells anything about the key. */
function keyCheck(adminKey: string): (authorization: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const expected = digest(adminKey)
  return (authorization) => {
    if (authorization === undefined || adminKey === '') return false
    const match = /^Bearer +(\S+) *$/i.exec(authorization)
    return match !== null && timingSafeEqual(digest(match[1]!), expected)
  }
}
