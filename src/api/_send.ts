// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { FastifyReply } from 'fastify'

export const JSON_TYPE = 'application/json; charset=utf-8'

const asItIs = (text: string): string => text

/**
 * Sends text under exactly that media type. Left to itself Fastify adds a charset, which neither RFC 9457 nor the
 * original has; bytes would go out without one too, but in a write of their own behind the head of the answer.
 */
export function sendText(reply: FastifyReply, mediaType: string, text: string): FastifyReply {
  return reply.type(mediaType).serializer(asItIs).send(text)
}
