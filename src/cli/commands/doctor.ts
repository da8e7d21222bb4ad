// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { DaemonError } from '../../core/errors.ts'
import type { CliContext } from '../context.ts'
import { examine, type Finding, worstLevel } from '../doctor.ts'
import { asTyped } from '../own-name.ts'
import { painter, printable, printableJson, type Style } from '../terminal.ts'

const EXAMPLES = `
Exits with the worst finding: 0 all is well, 1 there are warnings, 2 something is broken.

Examples:
  sentrypeer doctor
  sentrypeer doctor --state-dir /var/lib/sentrypeer --json`

const EXIT_OF = { ok: 0, warn: 1, error: 2 } as const
const MARK = { ok: ['green', 'ok   '], warn: ['yellow', 'warn '], error: ['red', 'ERROR'] } as const satisfies {
  [level: string]: readonly [Style, string]
}

export function define(command: Command, context: CliContext): void {
  command
    .description(
      'Looks at the machine, the configuration, the state folder and the running node, and says what is wrong and how to mend it.',
    )
    .option('--state-dir <dir>', 'state folder to look at')
    .option('--config <file>', 'configuration file')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { stateDir?: string; config?: string; json?: true }) => {
      const findings = await findAll(options, context)
      const level = worstLevel(findings)
      context.setExitCode(EXIT_OF[level])
      if (options.json) context.stdout.write(`${printableJson({ level, findings }, 2)}\n`)
      else context.stdout.write(describe(findings, context))
    })
}

async function findAll(options: { stateDir?: string; config?: string }, context: CliContext): Promise<Finding[]> {
  const { loadConfig } = await import('../../config.ts')
  try {
    const loaded = await loadConfig({ flags: { stateDir: options.stateDir }, env: context.env, file: options.config })
    return await examine(loaded, context)
  } catch (error) {
    if (!(error instanceof DaemonError) || error.code !== 'CONFIG_INVALID') throw error
    return [{ level: 'error', what: error.message, wayOut: 'correct it, and try it with "sentrypeer config check"' }]
  }
}

function describe(findings: readonly Finding[], context: CliContext): string {
  const paint = painter(context.stdout, context.env)
  const lines = findings.map(({ level, what, wayOut }) => {
    const [style, mark] = MARK[level]
    const rest = wayOut === undefined ? '' : `\n        ${paint('dim', printable(wayOut))}`
    return `${paint(style, mark)}  ${what.split('\n').map(printable).join('\n       ')}${rest}\n`
  })
  return asTyped(lines.join(''), context.env)
}
