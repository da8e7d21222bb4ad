// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { defineLookup } from './indicator.ts'

const EXAMPLES = `
Exits with 0 when the number was dialled here, with 3 when it was not.

Examples:
  sentrypeer number +442079460000
  sentrypeer number 900442079460000 --json`

export function define(command: Command, context: CliContext): void {
  command
    .description(
      'Says what is known of a phone number that attackers dialled. Any form will do: raw, with or without +.',
    )
    .argument('<number>', 'phone number, as dialled or in E.164')
    .addHelpText('after', EXAMPLES)
  defineLookup(command, context, 'phone-number', (client, value) => client.phoneNumber(value))
}
