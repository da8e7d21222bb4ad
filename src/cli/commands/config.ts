// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import type { LoadedConfig } from '../../config.ts'
import { DaemonError } from '../../core/errors.ts'
import { type CliContext, EXIT } from '../context.ts'
import { type Paint, painter, printable, printableJson } from '../terminal.ts'

const EXAMPLES = `
Examples:
  sentrypeer config show --origin            every value, and where it came from
  sentrypeer config check ./config.toml
  sentrypeer config example > ~/.config/sentrypeer/config.toml
  sentrypeer config schema > config.schema.json
  sentrypeer config personas
  sentrypeer config personas freeswitch > my-pbx.toml`

export function define(command: Command, context: CliContext): void {
  command
    .description('Shows and checks the configuration: file, then SENTRYPEER_* variables, then flags.')
    .addHelpText('after', EXAMPLES)
  command
    .command('show')
    .helpOption('--help', 'show this help')
    .summary('what a node started here would run with')
    .description('Prints every setting a node started here would run with, as TOML.')
    .option('--config <file>', 'configuration file')
    .option('--origin', 'say where each value came from')
    .option('--json', 'as JSON')
    .action((options: ShowOptions) => show(options, context))
  command
    .command('check')
    .helpOption('--help', 'show this help')
    .summary('whether a configuration file is right')
    .description('Checks a configuration file, and names everything in it that is wrong.')
    .argument('[file]', 'the file; else the one that start would read')
    .option('--json', 'as JSON')
    .action((file: string | undefined, options: { json?: true }) => check(file, options, context))
  command
    .command('example')
    .helpOption('--help', 'show this help')
    .summary('a configuration file that shows everything')
    .description('Prints a configuration file that shows every setting with its default, and sets nothing.')
    .action(async () => {
      const { exampleToml } = await import('../../config.ts')
      context.stdout.write(exampleToml())
    })
  command
    .command('schema')
    .helpOption('--help', 'show this help')
    .summary('JSON Schema of the configuration file')
    .description('Prints the JSON Schema of the configuration file, for editors.')
    .action(async () => {
      const { configSchema } = await import('../../config.ts')
      context.stdout.write(`${JSON.stringify(configSchema, null, 2)}\n`)
    })
  command
    .command('personas')
    .helpOption('--help', 'show this help')
    .summary('the devices that the sensor can play')
    .description('Lists the devices that the sensor can play and where it plays which, or prints the file of one.')
    .argument('[name]', 'name of one, or a file that ends in .toml')
    .option('--config <file>', 'configuration file')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: { config?: string; json?: true }) => {
      const { listPersonas, showPersona } = await import('../personas.ts')
      await (name === undefined ? listPersonas(options, context) : showPersona(name, options, context))
    })
}

type ShowOptions = { readonly config?: string; readonly origin?: true; readonly json?: true }
type Row = { readonly key: string; readonly value: unknown; readonly origin: string }

async function show(options: ShowOptions, context: CliContext): Promise<void> {
  const { loadConfig, listSettings } = await import('../../config.ts')
  const loaded = await loadConfig({ flags: {}, env: context.env, file: options.config })
  const rows = listSettings(loaded.config).map(({ key, value }) => ({
    key,
    value,
    origin: loaded.origins.get(key) ?? 'default',
  }))
  sayNotices(loaded, context)
  if (options.json) {
    const settings = rows.map(({ key, value, origin }) => [key, options.origin ? { value, origin } : value])
    context.stdout.write(`${printableJson(Object.fromEntries(settings), 2)}\n`)
    return
  }
  context.stdout.write(formatToml(rows, options.origin === true, painter(context.stdout, context.env)))
}

/** Keys written out in full are TOML too, and can be grepped. */
function formatToml(rows: readonly Row[], withOrigin: boolean, paint: Paint): string {
  const lines = rows.map(({ key, value, origin }) => {
    const text = Array.isArray(value)
      ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
      : JSON.stringify(value)
    return { setting: printable(`${key} = ${text}`), origin: printable(origin) }
  })
  return lines
    .map(({ setting, origin }) => (withOrigin ? `${setting} ${paint('dim', `# ${origin}`)}\n` : `${setting}\n`))
    .join('')
}

function sayNotices({ notices }: LoadedConfig, { stderr }: CliContext): void {
  for (const notice of notices) stderr.write(`${printable(notice)}\n`)
}

async function check(file: string | undefined, { json }: { json?: true }, context: CliContext): Promise<void> {
  const { loadConfig } = await import('../../config.ts')
  try {
    // The environment's own settings are not what is asked about; where its folders are is.
    const { HOME, XDG_CONFIG_HOME, XDG_STATE_HOME, SENTRYPEER_CONFIG_FILE } = context.env
    const env = file === undefined ? context.env : { HOME, XDG_CONFIG_HOME, XDG_STATE_HOME, SENTRYPEER_CONFIG_FILE }
    const loaded = await loadConfig({ flags: {}, env, file })
    const { notices } = loaded
    if (json) context.stdout.write(`${printableJson({ ok: true, file: loaded.file, notices })}\n`)
    else {
      sayNotices(loaded, context)
      const what = loaded.file ?? 'There is no configuration file; the rest of the configuration'
      context.stdout.write(`${printable(what)} is right\n`)
    }
  } catch (error) {
    if (!json || !(error instanceof DaemonError) || error.code !== 'CONFIG_INVALID') throw error
    context.stdout.write(`${printableJson({ ok: false, file: file ?? null, error: error.message })}\n`)
    context.setExitCode(EXIT.usage)
  }
}
