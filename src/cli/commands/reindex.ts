// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { formatCount, plural, printableJson } from '../terminal.ts'

const EXAMPLES = `
The journal is the truth; the index is only for looking things up. Stop the node first.

Examples:
  sentrypeer reindex
  sentrypeer reindex --state-dir /var/lib/sentrypeer --json`

export function define(command: Command, context: CliContext): void {
  command
    .description('Builds the index of a stopped node anew from its journal.')
    .option('--state-dir <dir>', 'state folder of the node')
    .option('--config <file>', 'configuration file of the node')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ stateDir, config: file, json }: { stateDir?: string; config?: string; json?: true }) => {
      const { loadConfig } = await import('../../config.ts')
      const { config } = await loadConfig({ flags: { stateDir }, env: context.env, file })
      const { reindexStore } = await import('../../store/reindex.ts')
      const { dir } = config.state
      const startedAt = context.now()
      using progress = showProgress(context)
      const { events, rows } = await reindexStore(dir, { onProgress: progress.update })
      progress[Symbol.dispose]()
      const tookMs = context.now() - startedAt
      if (json)
        context.stdout.write(`${printableJson({ stateDir: dir, eventCount: events, rowCount: rows, tookMs })}\n`)
      else
        context.stdout.write(
          `Indexed ${plural(events, 'event')} in ${plural(rows, 'row')} (${(tookMs / 1000).toFixed(1)} s).\n`,
        )
    })
}

type Progress = Disposable & { update(done: number, total: number): void }

/** A line that is written over, on a terminal only. Throws from `update` when the user has had enough. */
function showProgress({ stderr, interrupted }: CliContext): Progress {
  let shown = false
  return {
    update: (done, total) => {
      interrupted.throwIfAborted() // the old index stays until the new one is whole
      if (stderr.isTTY !== true) return
      shown = true
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
      stderr.write(`\r${percent} % (${formatCount(done)} of ${formatCount(total)} events)`)
    },
    [Symbol.dispose]: () => {
      if (shown) stderr.write('\r\u001b[K')
      shown = false
    },
  }
}
