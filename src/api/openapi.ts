// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import swagger from '@fastify/swagger'
import Type from 'typebox'
import { JSON_TYPE } from './_send.ts'
import type { App } from './deps.ts'
import { NoQuerySchema, problems } from './schemas.ts'

const DESCRIPTION = `What a SentryPeer node knows of bad IP addresses and phone numbers. Keys are camelCase, times RFC 3339
in UTC. On the node's own machine reading needs no key. An error is a problem document (RFC 9457) with a code.`

/** Describes the routes that are added after it, and serves the description at /v1/openapi.json. */
export async function addOpenApi(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'SentryPeer',
        version,
        description: DESCRIPTION,
        license: { name: 'GPL-2.0-only OR GPL-3.0-only', identifier: 'GPL-2.0-only OR GPL-3.0-only' },
      },
      servers: [{ url: '/', description: 'This node' }],
      tags: [
        { name: 'status', description: 'How the node is' },
        { name: 'indicators', description: 'What is known of addresses and numbers' },
        { name: 'events', description: 'What the sensors saw' },
        { name: 'original', description: 'The interface of the first SentryPeer, which cannot change' },
      ],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key of the node' } } },
      security: [{}, { key: [] }],
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, i) => (typeof json.$id === 'string' ? json.$id : `schema-${i}`),
    },
  })
  let text: Buffer | undefined
  app.get(
    '/v1/openapi.json',
    {
      schema: {
        operationId: 'getOpenApi',
        summary: 'This description',
        tags: ['status'],
        querystring: NoQuerySchema,
        response: { 200: Type.Object({}, { additionalProperties: true, description: 'OpenAPI 3.1' }), ...problems() },
      },
    },
    (_request, reply) => {
      text ??= Buffer.from(JSON.stringify(app.swagger()))
      return reply.type(JSON_TYPE).send(text)
    },
  )
}
