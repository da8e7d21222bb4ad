// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { defineLookup } from './indicator.ts'

const EXAMPLES = `
Exits with 0 when the address was seen, with 3 when it was not.

Examples:
  sentrypeer ip 192.0.2.1
  sentrypeer ip 2001:db8::1 --json`

export function define(command: Command, context: CliContext): void {
  command
    .description('Says what is known of an IP address: when and how it attacked, and why it is listed or not.')
    .argument('<address>', 'IPv4 or IPv6 address')
    .addHelpText('after', EXAMPLES)
  defineLookup(command, context, 'ip-address', (client, value) => client.ipAddress(value))
}
