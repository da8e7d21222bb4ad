// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// For tests: a tiny HTTP server that answers as a node would, and a command line run within the test's process.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runCli } from '../../src/cli/cli.ts'
import type { Output } from '../../src/cli/context.ts'

export const FAKE_NOW = Date.UTC(2026, 10, 23, 18, 0, 0)

export type Handler = (request: IncomingMessage, response: ServerResponse) => void
export type FakeNode = AsyncDisposable & { readonly url: string; readonly requests: readonly string[] }

/** `answers` by path, without the query: a body, or a function that answers. Everything else is 404 NOT_SEEN. */
export async function fakeNode(answers: Readonly<Record<string, unknown>>): Promise<FakeNode> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    const answer = answers[(request.url ?? '').split('?')[0]!]
    if (typeof answer === 'function') (answer as Handler)(request, response)
    else if (answer === undefined) problem(response, 404, 'NOT_SEEN', 'It was not seen here')
    else json(response, 200, 'application/json', answer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await server[Symbol.asyncDispose]()
    },
  }
}

export function problem(response: ServerResponse, status: number, code: string, detail: string): void {
  json(response, status, 'application/problem+json', { type: 'about:blank', title: code, status, code, detail })
}

function json(response: ServerResponse, status: number, type: string, body: unknown): void {
  response.writeHead(status, { 'content-type': type })
  response.end(JSON.stringify(body))
}

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }
export type RunOptions = {
  readonly env?: NodeJS.ProcessEnv
  readonly columns?: number // of a terminal; without it there is none
  /** Presses Ctrl-C when standard output holds this. */
  readonly interruptAt?: RegExp
}

/** Runs one command line and gives what it printed. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const interrupt = new AbortController()
  const text = { stdout: '', stderr: '' }
  const output = (name: keyof typeof text): Output => ({
    ...(options.columns === undefined ? {} : { isTTY: true, columns: options.columns }),
    write: (chunk) => {
      text[name] += chunk
      if (name === 'stdout' && options.interruptAt?.test(text.stdout)) interrupt.abort()
    },
  })
  const code = await runCli(args, {
    env: { HOME: '/nonexistent', ...options.env },
    stdout: output('stdout'),
    stderr: output('stderr'),
    now: () => FAKE_NOW,
    interrupted: interrupt.signal,
    outputClosed: new AbortController().signal,
  })
  return { code, ...text }
}
