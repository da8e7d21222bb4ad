// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { hash } from 'node:crypto'

type Offer = { readonly user: string; readonly password: string; readonly method: string; readonly uri: string }

/** Credentials for the challenge in a response, as a client computes them: MD5, with qop=auth where that is offered. RFC 2617 §3.2.2. */
export function credentialsFor(challenge: string, { user, password, method, uri }: Offer): string {
  const name = challenge.startsWith('SIP/2.0 407') ? 'Proxy-Authorization' : 'Authorization'
  const parameter = (key: string) => new RegExp(`[ ,]${key}="([^"]*)"`).exec(challenge)?.[1] ?? ''
  const [realm, nonce, qop, opaque] = ['realm', 'nonce', 'qop', 'opaque'].map(parameter)
  const md5 = (text: string) => hash('md5', text, 'hex')
  const [secret, request] = [md5(`${user}:${realm}:${password}`), md5(`${method}:${uri}`)]
  const how = qop === '' ? '' : ':00000001:0a4f113b:auth'
  const parts = [`username="${user}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`]
  parts.push(`response="${md5(`${secret}:${nonce}${how}:${request}`)}"`, 'algorithm=MD5')
  if (qop !== '') parts.push('qop=auth', 'nc=00000001', 'cnonce="0a4f113b"')
  if (opaque !== '') parts.push(`opaque="${opaque}"`)
  return `${name}: Digest ${parts.join(', ')}`
}
