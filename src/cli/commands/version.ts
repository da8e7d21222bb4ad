// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { VERSION } from '../../version.ts'
import type { CliContext } from '../context.ts'
import { printableJson } from '../terminal.ts'

export function define(command: Command, context: CliContext): void {
  command
    .description('Prints the version of SentryPeer and of what it runs on.')
    .option('--json', 'as JSON')
    .action(({ json }: { json?: true }) => {
      const facts = { version: VERSION, node: process.versions.node, platform: `${process.platform}-${process.arch}` }
      const text = `sentrypeer ${facts.version} (Node ${facts.node}, ${facts.platform})`
      context.stdout.write(`${json ? printableJson(facts) : text}\n`)
    })
}
