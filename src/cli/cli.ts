// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { Command, CommanderError } from 'commander'
import { DaemonError } from '../core/errors.ts'
import { type CliContext, EXIT, EXIT_CODES_HELP, UsageError } from './context.ts'
import { translateOriginalFlags } from './original-flags.ts'
import { asTyped } from './own-name.ts'
import { painter, printable } from './terminal.ts'

/** A command's file: adds arguments, options, help and action to the command it is given. */
type CommandModule = { readonly define: (command: Command, context: CliContext) => void }
type CommandEntry = { readonly name: string; readonly summary: string; readonly load: () => Promise<CommandModule> }

/** Every command, in the order of --help. Their files are imported only when they are asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'run a node: listen for SIP, record, serve the API',
    load: () => import('./commands/start.ts'),
  },
  { name: 'status', summary: 'how the running node does', load: () => import('./commands/status.ts') },
  { name: 'top', summary: 'busiest addresses, numbers and user agents', load: () => import('./commands/top.ts') },
  { name: 'tail', summary: 'events as they come in', load: () => import('./commands/tail.ts') },
  { name: 'ip', summary: 'is this IP address bad?', load: () => import('./commands/ip.ts') },
  { name: 'number', summary: 'is this phone number bad?', load: () => import('./commands/number.ts') },
  { name: 'list', summary: 'the addresses or numbers seen', load: () => import('./commands/list.ts') },
  { name: 'trace', summary: 'one call, message by message', load: () => import('./commands/trace.ts') },
  { name: 'record', summary: 'save a message as a test vector', load: () => import('./commands/record.ts') },
  {
    name: 'doctor',
    summary: 'look for what is wrong, and say how to mend it',
    load: () => import('./commands/doctor.ts'),
  },
  { name: 'config', summary: 'show and check the configuration', load: () => import('./commands/config.ts') },
  { name: 'reindex', summary: 'build the index anew from the journal', load: () => import('./commands/reindex.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./commands/version.ts') },
]

const DESCRIPTION = `SentryPeer: a SIP honeypot that keeps a list of bad IP addresses and phone numbers.

Without a command it starts a node. The flags of the original SentryPeer (sentrypeer -draws) do so too.`

const EXAMPLES = `
Examples:
  sentrypeer start                      listen on port 5060, API on 127.0.0.1:8082
  sentrypeer tail                       watch events come in
  sentrypeer ip 192.0.2.1               ask for an address
  sentrypeer COMMAND --help             more of a command

${EXIT_CODES_HELP}`

/** The whole program, or with `only` the program with just that command's options filled in. */
export async function buildProgram(context: CliContext, only?: string): Promise<Command> {
  const program = new Command('sentrypeer')
  program
    .description(DESCRIPTION)
    .usage('[COMMAND] [OPTIONS]')
    .helpCommand('help [COMMAND]', 'more of a command')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(asTyped(text, context.env)),
      writeErr: (text) => context.stderr.write(asTyped(text, context.env)),
      outputError: (text, write) => write(`sentrypeer: ${printable(text.trimEnd()).replaceAll('\\x0a', '\n')}\n`),
      getOutHelpWidth: () => context.stdout.columns ?? 80,
      getErrHelpWidth: () => context.stderr.columns ?? 80,
    })
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).summary(summary).description(summary)
    command.helpOption('--help', 'show this help')
    command.showHelpAfterError(`(sentrypeer ${name} --help shows what there is)`)
    if (only === undefined || only === name) (await load()).define(command, context)
  }
  program.helpOption('--help', 'show this help')
  program.showHelpAfterError('(sentrypeer --help shows what there is)')
  return program
}

/** Runs one command line to its end and gives the exit code. Nothing is thrown: what goes wrong is said on standard error. */
export async function runCli(
  args: readonly string[],
  world: Omit<CliContext, 'notices' | 'setExitCode'>,
): Promise<number> {
  let exitCode: number = EXIT.ok
  const { argv, notices } = translateOriginalFlags(knownHelp(args))
  const context: CliContext = {
    ...world,
    notices: [...notices],
    setExitCode: (code) => {
      exitCode = code
    },
  }
  try {
    const program = await buildProgram(context, argv[0] === 'help' ? argv[1] : (argv[0] ?? ''))
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, context)
  }
}

/** `help` of what is no command is read as that word alone, which is refused with the nearest command. */
function knownHelp(args: readonly string[]): readonly string[] {
  const [first, name] = args
  const isKnown = name === undefined || name.startsWith('-') || name === 'help'
  return first !== 'help' || isKnown || COMMANDS.some((command) => command.name === name) ? args : [name]
}

function reportFailure(error: unknown, context: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage // commander has said it
  if (context.outputClosed.aborted) return EXIT.ok
  if (context.interrupted.aborted) return EXIT.interrupted
  const paint = painter(context.stderr, context.env)
  const say = (text: string) => context.stderr.write(`${paint('red', 'sentrypeer:')} ${text}\n`)
  if (error instanceof UsageError) {
    say(printable(error.message))
    return EXIT.usage
  }
  if (!(error instanceof DaemonError)) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error))
    return EXIT.failure
  }
  const text = asTyped(error.message, context.env).split('\n').map(printable).join('\n')
  say(`${text} ${paint('dim', `[${error.code}]`)}`)
  return exitCodeOf(error)
}

function exitCodeOf(error: DaemonError): number {
  if (error.code === 'CONFIG_INVALID') return EXIT.usage
  if (error.code === 'NODE_UNREACHABLE') return EXIT.unreachable
  const status = error.cause instanceof Error && 'status' in error.cause ? error.cause.status : undefined
  return error.code === 'API_REFUSED' && status === 400 ? EXIT.usage : EXIT.failure
}
