// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { LEAVES, type LeafInfo, type LeafSchema, SECTIONS } from './_leaves.ts'

/** One setting, as the documents show it. */
export type ConfigRow = {
  readonly key: string
  readonly type: string
  readonly default: string
  readonly environment: string
  readonly flag: string // '' when there is none
  readonly meaning: string
}

export function configTable(): ConfigRow[] {
  return LEAVES.map(({ key, environment, schema: leaf }) => ({
    key,
    type: typeName(leaf),
    default: leaf.defaultText ?? toml(leaf.default),
    environment,
    flag: leaf.flag ?? '',
    meaning: leaf.description,
  }))
}

function typeName({ type, enum: choices, minimum, maximum }: LeafSchema): string {
  if (choices !== undefined) return choices.join(' | ')
  if (type === 'integer') return `integer ${minimum}–${maximum}`
  if (type === 'array') return 'list of strings'
  return type!
}

/** A configuration file that sets nothing and shows everything: each key with its default, commented out. */
export function exampleToml(): string {
  const head = [
    '# Settings of a SentryPeer node. Every line that begins with "#" and a key shows its default.',
    '# Environment variables and flags of `sentrypeer start` go before this file.',
  ]
  return `${[head, ...SECTIONS.map(sectionLines)].map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function sectionLines({ key, description }: { key: string; description: string }): string[] {
  const leaves = LEAVES.filter((leaf) => leaf.key.slice(0, leaf.key.lastIndexOf('.')) === key)
  return [`# ${description}.`, `[${key}]`, ...leaves.flatMap(leafLines)]
}

function leafLines({ key, schema: leaf }: LeafInfo): string[] {
  const name = key.slice(key.lastIndexOf('.') + 1)
  const note = leaf.enum === undefined ? '' : ` (${leaf.enum.join(', ')})`
  const fallback = leaf.defaultText === undefined ? '' : ` Default: ${leaf.defaultText}.`
  return [`# ${leaf.description}${note}.${fallback}`, `# ${name} = ${toml(leaf.default ?? leaf.examples[0])}`]
}

/** TOML writes our texts, numbers, switches and lists as JSON does. */
function toml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value)
}

type JsonSchema = { [key: string]: unknown }

/** The JSON Schema of a configuration file, for editors. */
export const configSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#', // the newest draft that TOML editors read
  title: 'sentrypeer config.toml',
  ...sectionSchema(''),
}

function sectionSchema(key: string): JsonSchema {
  const parentOf = (child: string) => child.slice(0, Math.max(0, child.lastIndexOf('.')))
  const nameOf = (child: string) => child.slice(child.lastIndexOf('.') + 1)
  const properties: JsonSchema = {}
  for (const leaf of LEAVES) if (parentOf(leaf.key) === key) properties[nameOf(leaf.key)] = leafSchema(leaf)
  for (const section of SECTIONS) {
    if (parentOf(section.key) !== key) continue
    properties[nameOf(section.key)] = { description: section.description, ...sectionSchema(section.key) }
  }
  return { type: 'object', additionalProperties: false, properties }
}

function leafSchema({ schema: leaf }: LeafInfo): JsonSchema {
  const { form: _form, flag: _flag, defaultText: _defaultText, ...published } = leaf
  return { ...published }
}
