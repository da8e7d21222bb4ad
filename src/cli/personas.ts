// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Config } from '../config.ts'
import type { Persona } from '../sensors/uas/persona.ts'
import { type CliContext, UsageError } from './context.ts'
import { type Column, formatTable } from './table.ts'
import { painter, printable, printableJson } from './terminal.ts'

type Row = {
  readonly name: string
  readonly title: string
  readonly server: string
  readonly usedBy: readonly string[]
}
const EVERYWHERE = 'all addresses'
const ELSEWHERE = 'all other addresses'

const COLUMNS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'DEVICE', shrink: true, spare: 1 },
  { title: 'SAYS THAT IT IS', shrink: true, spare: 2 },
  { title: 'USED BY' },
]

/** All personas that come with the program, those of the operator's own that are in use, and where each is used. */
export async function listPersonas({ config: file, json }: Options, context: CliContext): Promise<void> {
  const { loadConfig, loadPersona, personaNames } = await import('../config.ts')
  const { config } = await loadConfig({ flags: {}, env: context.env, file })
  const usage = usageOf(config.sip)
  const names = [...personaNames(), ...[...usage.keys()].filter((name) => !personaNames().includes(name))]
  const rows = names.map((name): Row => ({ ...describe(loadPersona(name)), name, usedBy: usage.get(name) ?? [] }))
  if (json) {
    context.stdout.write(`${printableJson(rows, 2)}\n`)
    return
  }
  const cells = rows.map(({ name, title, server, usedBy }) => [name, title, server, usedBy.join(', ')])
  const { stdout, env } = context
  stdout.write(formatTable(COLUMNS, cells, { width: stdout.columns, paint: painter(stdout, env) }))
}

/** One persona as its file: a start for one of the operator's own. */
export async function showPersona(name: string, { json }: Options, context: CliContext): Promise<void> {
  const { parsePersona, readPersonaText } = await import('../config.ts')
  try {
    const text = readPersonaText(name)
    const { file } = parsePersona(name, name, text)
    context.stdout.write(json ? `${printableJson(file, 2)}\n` : text.split('\n').map(printable).join('\n'))
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${name}: ${error.message}`)
    throw error
  }
}

type Options = { readonly config?: string; readonly json?: true }

function describe({ title, server, serverHeader }: Persona): Pick<Row, 'title' | 'server'> {
  return { title, server: `${serverHeader}: ${server}` }
}

/** The addresses by persona. */
function usageOf({ persona, addressPersonas }: Config['sip']): Map<string, string[]> {
  const usage = new Map([[persona, [addressPersonas.length === 0 ? EVERYWHERE : ELSEWHERE]]])
  for (const one of addressPersonas) usage.set(one.persona, [...(usage.get(one.persona) ?? []), one.address])
  return usage
}
