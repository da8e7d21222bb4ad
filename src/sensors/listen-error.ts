// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { DaemonError } from '../core/errors.ts'
import type { Transport } from '../core/event.ts'
import { uriHost } from './uas/answer.ts'

export type ListenAddress = { readonly transport: Transport; readonly host: string; readonly port: number }

/** What the system said when we asked to listen, as an error that says what to do about it. */
export function listenError(address: ListenAddress, error: unknown): DaemonError {
  if (error instanceof DaemonError) return error
  const { transport, port } = address
  const where = `${transport} ${uriHost(address.host)}:${port}${memberOf(address, error)}`
  const options = { cause: error }
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return new DaemonError(
        'PORT_IN_USE',
        `${where}. Another program holds it, such as Asterisk or a second node; \`ss -${transport === 'udp' ? 'lunp' : 'ltnp'} 'sport = :${port}'\` ` +
          `shows which. Stop it, or listen elsewhere: --sip ${transport}:${uriHost(address.host)}:PORT`,
        options,
      )
    case 'EACCES':
    case 'EPERM':
      return new DaemonError(
        'LISTEN_FAILED',
        `on ${where}: the system does not permit it. Ports below 1024 need CAP_NET_BIND_SERVICE; take a higher one: ` +
          `--sip ${transport}:${uriHost(address.host)}:PORT`,
        options,
      )
    case 'EADDRNOTAVAIL':
      return new DaemonError(
        'LISTEN_FAILED',
        `on ${where}: this machine does not have that address (\`ip address\` shows those it has). ` +
          `Take one of them: --sip ${transport}:HOST:${port}`,
        options,
      )
    case 'EAFNOSUPPORT':
      return new DaemonError('LISTEN_FAILED', `on ${where}: this machine has no ${family(address.host)}`, options)
    default:
      return new DaemonError('LISTEN_FAILED', `on ${where}: ${error instanceof Error ? error.message : error}`, options)
  }
}

/** A name would have to be resolved, and nothing here ever asks a resolver. */
export function hostError(address: ListenAddress): DaemonError {
  const { transport, host, port } = address
  return new DaemonError(
    'LISTEN_FAILED',
    `on ${transport} "${host}" port ${port}: the host has to be an IP address, such as --sip ${transport}:127.0.0.1:${port}`,
  )
}

export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** The one address of a wildcard that failed. */
function memberOf({ host }: ListenAddress, error: unknown): string {
  const failed = error instanceof Error && 'address' in error ? error.address : undefined
  return typeof failed === 'string' && failed !== host ? ` (at ${failed})` : ''
}

function family(host: string): string {
  return host.includes(':') ? 'IPv6' : 'IPv4'
}
