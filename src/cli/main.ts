// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The program `sentrypeer`: gives the process's own streams and signals to the command line, and nothing else.
import { keepCompiledCode } from './compile-cache.ts'
import { EXIT } from './context.ts'

const LINGER_MS = 1000

const interrupt = new AbortController()
function stop(): void {
  if (interrupt.signal.aborted) process.exit(EXIT.interrupted) // asked a second time: at once
  interrupt.abort()
}
process.on('SIGINT', stop)
process.on('SIGTERM', stop)
process.on('SIGHUP', () => {
  if (process.stdout.isTTY || process.stdin.isTTY) stop() // its terminal was closed; a service is not stopped by log rotation
})

const output = new AbortController()
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    output.abort() // whoever read us has gone, as in `sentrypeer list ip | head`
  })
}

keepCompiledCode(process.env)
const { runCli } = await import('./cli.ts') // after that, so that it is kept too
process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  now: Date.now,
  interrupted: interrupt.signal,
  outputClosed: output.signal,
})
// Whatever still holds the process open has had its chance.
setTimeout(() => process.exit(), LINGER_MS).unref()
