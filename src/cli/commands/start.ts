// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Command, Option } from 'commander'
import type { Config, LoadedConfig } from '../../config.ts'
import type { Started } from '../../daemon.ts'
import { type CliContext, EXIT } from '../context.ts'
import { describeStart } from '../first-run.ts'
import { asTyped } from '../own-name.ts'
import { painter, plural, printable, printableJson } from '../terminal.ts'

const STOP_PATIENCE_MS = 2000 // a stop should be over by then

const EXAMPLES = `
The flags of the original SentryPeer are understood too: sentrypeer -draws, -f FILE, -jar and so on (docs/cli.md).
Settings come from the configuration file, then SENTRYPEER_* variables, then these flags; the last wins.
Ctrl-C stops the node cleanly; a second one at once.

Examples:
  sentrypeer start
  sentrypeer start --sip udp:127.0.0.1:5060 --api 127.0.0.1:8082 --state-dir ./state
  sentrypeer start --passive --json-log
  SENTRYPEER_SIP_LISTEN=udp:0.0.0.0:5060 sentrypeer start --no-api`

const collect = (value: string, before: unknown): string[] => [...(Array.isArray(before) ? before : []), value]

export function define(command: Command, context: CliContext): void {
  command
    .description('Runs a node in the foreground: listens for SIP, records what comes, serves the API.')
    .option('--state-dir <dir>', 'folder of everything the node remembers')
    .option(
      '--sip <uri>',
      'listen on udp:ADDRESS:PORT, or tcp:, tls:, ws:, wss: likewise (repeatable; replaces all defaults)',
      collect,
    )
    .option('--no-sip', 'do not listen for SIP')
    .option('--passive', 'record, and never reply: short for --interaction passive')
    .option('--interaction <LEVEL>', 'how far attackers get: passive, low, medium or high (medium)')
    .option('--persona <name>', 'the device to play: a name of `config personas`, or a .toml file')
    .option('--api <host:port>', 'address of the API; on: where the configuration says')
    .option('--no-api', 'serve no API')
    .option('--config <file>', 'configuration file')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('--json-log', 'write events to a file, as JSON lines')
    .option('--json-log-file <file>', 'that file (and write it)')
    .option('--syslog [target]', 'send events to syslog: system, or udp:ADDRESS:PORT')
    .addOption(new Option('--db-file <file>', "the original's -f").hideHelp())
    .addOption(new Option('--tls-certificate <file>', "the original's -t").hideHelp())
    .addOption(new Option('--tls-key <file>', "the original's -k").hideHelp())
    .option('--json', 'say what is running as JSON lines')
    .addHelpText('after', EXAMPLES)
    .action((flags: StartFlags) => start(flags, context))
}

type StartFlags = { readonly config?: string; readonly json?: true; readonly [flag: string]: unknown }

async function start(flags: StartFlags, context: CliContext): Promise<void> {
  // Loaded here, so that other commands and --help do not wait for the whole node; at once, so that it waits least.
  const [{ loadConfig }, { openLog }, { runDaemon }] = await Promise.all([
    import('../../config.ts'),
    import('../log.ts'),
    import('../../daemon.ts'),
  ])
  const loaded = await loadConfig({ flags, env: context.env, file: flags.config })
  const { config } = loaded
  const notices = [...context.notices, ...loaded.notices].map((notice) => asTyped(notice, context.env))
  const log = openLog(config.log, context)
  for (const notice of notices) log.warn(notice)
  const onReady = (started: Started) => {
    const text = flags.json ? startJson(started, notices) : startText(started, config, loaded, context)
    context.stdout.write(text)
  }
  using _patience = warnWhenSlow(context)
  const { acceptedCount, durableCount } = await runDaemon(config, { signal: context.interrupted, log, onReady })
  const lostCount = acceptedCount - durableCount
  if (lostCount > 0) context.setExitCode(EXIT.failure)
  if (flags.json) context.stdout.write(`${printableJson({ kind: 'stopped', acceptedCount, durableCount })}\n`)
  else context.stdout.write(stopText(durableCount, lostCount))
}

function startText(started: Started, config: Config, loaded: LoadedConfig, context: CliContext): string {
  const dirByDefault = loaded.origins.get('state.dir') === 'default'
  const text = describeStart(started, config, { dirByDefault, paint: painter(context.stdout, context.env) })
  return asTyped(text, context.env)
}

function startJson(started: Started, notices: readonly string[]): string {
  return `${printableJson({ kind: 'started', ...started, notices })}\n`
}

function stopText(durableCount: number, lostCount: number): string {
  const lost = lostCount === 0 ? '' : `; ${plural(lostCount, 'event')} could not be saved`
  return `Stopped: ${plural(durableCount, 'event')} saved${lost}.\n`
}

/** Says so when stopping takes longer than it should, since a silent Ctrl-C looks like a hanging program. */
function warnWhenSlow({ interrupted, stderr }: CliContext): Disposable {
  let timer: NodeJS.Timeout | undefined
  const onInterrupt = () => {
    timer = setTimeout(() => {
      stderr.write(printable('Still stopping; Ctrl-C again stops at once'))
      stderr.write('\n')
    }, STOP_PATIENCE_MS)
  }
  interrupted.addEventListener('abort', onInterrupt)
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      interrupted.removeEventListener('abort', onInterrupt)
    },
  }
}
