// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { quote } from '../core/text.ts'
import { nearest } from './_nearest.ts'

/** The keywords of JSON Schema that persona files use. */
export type TableSchema = {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, TableSchema>>
  readonly patternProperties?: Readonly<Record<string, TableSchema>>
  readonly items?: TableSchema
  readonly minLength?: number
  readonly maxItems?: number
  readonly examples?: readonly unknown[]
}

/** Whatever a value has that its schema does not ask for, each as one line: the key, what is wrong, what would be right. */
export function checkTable(schema: TableSchema, value: unknown, key = ''): string[] {
  if (schema.properties !== undefined) return checkSection(schema.properties, value, key)
  if (schema.patternProperties !== undefined) {
    if (!isTable(value)) return [`${key} = ${quote(value)}: is a section, written [${key}]`]
    return Object.entries(value).flatMap(([name, one]) =>
      typeof one === 'string' ? [] : [`${key}.${name} = ${quote(one)}: must be a text`],
    )
  }
  return isRight(schema, value) ? [] : [`${key} = ${quote(value)}: ${rightOf(schema, value)}`]
}

function checkSection(properties: Readonly<Record<string, TableSchema>>, value: unknown, key: string): string[] {
  if (!isTable(value)) return [`${key} = ${quote(value)}: is a section, written [${key}]`]
  const path = (name: string) => (key === '' ? name : `${key}.${name}`)
  const problems: string[] = []
  for (const name of Object.keys(value)) {
    if (name in properties) continue
    const near = nearest(name, Object.keys(properties))
    problems.push(`${path(name)}: there is no such key${near === null ? '' : `; did you mean ${path(near)}?`}`)
  }
  for (const [name, schema] of Object.entries(properties)) {
    if (name in value) problems.push(...checkTable(schema, value[name], path(name)))
    else if (schema.properties !== undefined)
      problems.push(`${path(name)}: is missing; it is a section, [${path(name)}]`)
    else problems.push(`${path(name)}: is missing, such as ${path(name)} = ${JSON.stringify(schema.examples?.[0])}`)
  }
  return problems
}

function isRight({ type, enum: choices, items, minLength = 0, maxItems }: TableSchema, value: unknown): boolean {
  if (choices !== undefined) return choices.includes(value)
  if (type === 'array') {
    return Array.isArray(value) && value.length <= maxItems! && value.every((item) => isRight(items!, item))
  }
  if (type === 'string') return typeof value === 'string' && value.length >= minLength && isOneLine(value)
  return typeof value === type
}

/** Lines of messages are made of these texts: none may begin a line of its own. */
function isOneLine(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function rightOf({ type, enum: choices, examples = [], maxItems }: TableSchema, value: unknown): string {
  if (choices !== undefined) {
    const near = typeof value === 'string' ? nearest(value, choices.map(String)) : null
    return `must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}${near === null ? '' : `; did you mean ${near}?`}`
  }
  const example = JSON.stringify(examples[0])
  if (type === 'array') return `must be a list of at most ${maxItems} texts in ASCII, such as ${example}`
  if (type === 'boolean') return 'must be true or false'
  return `must be a text in ASCII on one line, such as ${example}`
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}
