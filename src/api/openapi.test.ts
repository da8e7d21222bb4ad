// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import Schema from 'typebox/schema'
import { fakeApiDeps, KEYED } from '../../test/support/fake-api.ts'
import { FAKE_AT } from '../../test/support/fake-store.ts'
import { buildApi } from './api.ts'
import type { App } from './deps.ts'
import { PROBLEMS } from './problem.ts'
import { STREAM_LIMITS } from './stream.ts'

type Json = { readonly [key: string]: Json | undefined } & { readonly enum?: Json; readonly type?: Json }
type Content = Record<string, { schema: Json }>
type Parameter = { name: string; in: string; required?: boolean; description?: string; schema: Json }
type Operation = {
  operationId?: string
  summary?: string
  parameters?: Parameter[]
  responses: Record<string, { description: string; content?: Content }>
}
type Document = {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json> }
}

async function seenApi(): Promise<{ app: App; document: Document }> {
  const deps = fakeApiDeps()
  for (let i = 0; i < 3; i++) {
    deps.store.push({ raw: Buffer.from([i, 200, 255]) })
    deps.store.putIndicator({ kind: 'ip-address', value: `192.0.2.${i}`, tags: ['options-scan'] })
    const dialled = [{ raw: `00${i}`, count: 1, lastSeenAt: FAKE_AT }]
    deps.store.putIndicator({ kind: 'phone-number', value: `+44208123456${i}`, dialled })
  }
  const app = await buildApi(deps)
  return { app, document: (await app.inject('/v1/openapi.json')).json() }
}

function* operations({ paths }: Document): Generator<[path: string, method: string, operation: Operation]> {
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) yield [path, method, operation]
  }
}

/** The schema with every reference replaced by what it names, which proves that each names something. */
function resolved(document: Document, schema: unknown): Json {
  if (Array.isArray(schema)) return schema.map((item) => resolved(document, item)) as unknown as Json
  if (typeof schema !== 'object' || schema === null) return schema as unknown as Json
  if ('$ref' in schema) {
    const name = /^#\/components\/schemas\/(.+)$/.exec(String(schema.$ref))?.[1]
    const target = document.components.schemas[name ?? '']
    assert.ok(target, `${schema.$ref} names nothing`)
    return resolved(document, target)
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(document, value)])) as Json
}

test('the document is whole: each route has a name, a summary and schemas for what it answers', async () => {
  const { document } = await seenApi()
  assert.equal(document.openapi, '3.1.0')
  assert.equal(document.info.version, '1.2.3')
  const names = new Set<string>()
  for (const [path, method, operation] of operations(document)) {
    const where = `${method} ${path}`
    assert.match(operation.operationId ?? '', /^[a-z][A-Za-z]+$/, where)
    assert.ok(!names.has(operation.operationId!), `${operation.operationId} is there twice`)
    names.add(operation.operationId!)
    assert.ok((operation.summary ?? '').length > 5, where)
    assert.ok(operation.responses['200'] !== undefined && operation.responses['400'] !== undefined, where)
    for (const [status, response] of Object.entries(operation.responses)) {
      assert.ok(response.description.length > 0, `${where} ${status}`)
      const contents = Object.values(response.content ?? {})
      assert.equal(contents.length, 1, `${where} ${status}`)
      resolved(document, contents[0]!.schema)
    }
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
    assert.deepEqual(
      parameters.map((parameter) => parameter.name),
      inPath,
      where,
    )
  }
})

test('shared schemas have their own names', async () => {
  const { document } = await seenApi()
  const names = Object.keys(document.components.schemas)
  assert.deepEqual(names.sort(), [
    'Call',
    'DialPrefix',
    'DialledForm',
    'Event',
    'EventPage',
    'Indicator',
    'IndicatorPage',
    'Problem',
  ])
})

test('the routes are the contracted ones', async () => {
  const { document } = await seenApi()
  assert.deepEqual(Object.keys(document.paths).sort(), [
    '/',
    '/health',
    '/health-check',
    '/ip-addresses',
    '/ip-addresses/{value}',
    '/numbers',
    '/numbers/{value}',
    '/v1/calls/{callId}',
    '/v1/events',
    '/v1/events/stream',
    '/v1/events/{id}',
    '/v1/health',
    '/v1/ip-addresses',
    '/v1/ip-addresses/{ip}',
    '/v1/openapi.json',
    '/v1/phone-numbers',
    '/v1/phone-numbers/{number}',
    '/v1/ready',
    '/v1/stats',
  ])
})

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    '../../etc/passwd',
    '%00',
    '\0',
    '192.0.2.1',
    'abc@198.51.100.7',
    '::1',
    '__proto__',
    'x'.repeat(300),
  ),
  fc.constantFrom('+442081234560', '001', '10', '20', '7d', '2026-11-23T09:00:00Z', 'INVITE', 'none', 'options-scan'),
)

/** Values that a parameter allows, and values that it does not. */
function parameterValue({ schema }: Parameter): fc.Arbitrary<string> {
  const allowed = schema.enum as unknown as string[] | undefined
  if (allowed !== undefined) return fc.oneof(fc.constantFrom(...allowed), nasty)
  if (String(schema.type) === 'integer') return fc.oneof(fc.integer({ min: -5, max: 1100 }).map(String), nasty)
  return nasty
}

function urlOf(path: string, parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const values = fc.record(Object.fromEntries(inPath.map((parameter) => [parameter.name, parameterValue(parameter)])))
  const known = inQuery.map((parameter) => fc.tuple(fc.constant(parameter.name), parameterValue(parameter)))
  const query = fc.array(fc.oneof(...known, fc.tuple(nasty, nasty)), { maxLength: 3 })
  return fc.tuple(values, query).map(([given, pairs]) => {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encode(given[name]!))
    const search = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
    return search === '' ? filled : `${filled}?${search}`
  })
}

const encode = (text: string) => encodeURIComponent(text.toWellFormed())

test('every route answers every request with what it declares', async () => {
  const { app, document } = await seenApi()
  for (const [path, , operation] of operations(document)) {
    const schemas = Object.fromEntries(
      Object.entries(operation.responses).map(([status, { content }]) => [
        status,
        resolved(document, Object.values(content!)[0]!.schema),
      ]),
    )
    await fc.assert(
      fc.asyncProperty(urlOf(path, operation.parameters ?? []), fc.boolean(), async (url, keyed) => {
        const headers = keyed ? KEYED : {}
        const response = await app.inject({ url, headers, payloadAsStream: true })
        const type = String(response.headers['content-type'])
        if (type.startsWith('text/event-stream')) {
          response.stream().destroy()
          return
        }
        const body = Buffer.concat(await response.stream().toArray()).toString()
        const status = response.statusCode
        assert.ok(status < 500, `${url}: ${status} ${body}`)
        if (type.startsWith('text/html')) return
        const json = JSON.parse(body)
        if (type === 'application/problem+json') {
          assert.equal(PROBLEMS[json.code as keyof typeof PROBLEMS].status, status)
        } else assert.match(type, /^application\/json/)
        if (schemas[status] !== undefined) assert.ok(Schema.Check(schemas[status], json), `${url}: ${status} ${body}`)
        else assert.equal(status, 414, `${url}: ${status} is not declared`)
      }),
      // What inject() opens, no socket closes: not more streams than there are places.
      { numRuns: path.endsWith('/stream') ? STREAM_LIMITS.clientCount : 300 },
    )
  }
  await app.close()
})
