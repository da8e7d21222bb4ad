// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { type Form, schema } from './_schema.ts'

/** The keywords of JSON Schema that the settings use, and three of our own (see `Leaf` in _schema.ts). */
export type LeafSchema = {
  readonly description: string
  readonly type?: 'string' | 'boolean' | 'integer' | 'array'
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  readonly examples: readonly unknown[]
  readonly form?: Form
  readonly flag?: string
  readonly defaultText?: string
}

/** One setting: where it stands in `Config`, and its names in a file and in the environment. */
export type LeafInfo = {
  readonly path: readonly string[] // ['jsonLog', 'maxMiB']
  readonly key: string // 'json_log.max_mib'
  readonly environment: string // 'SENTRYPEER_JSON_LOG_MAX_MIB'
  readonly schema: LeafSchema
}
export type SectionInfo = { readonly key: string; readonly description: string }

type Node = LeafSchema & { readonly properties?: Readonly<Record<string, Node>> }

/** quotaMiB → quota_mib: files and variables are written by people, who do not shout units. */
export function fileName(name: string): string {
  return name.replace('MiB', '_mib').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

const leaves: LeafInfo[] = []
const sections: SectionInfo[] = []

function collect(node: Node, path: readonly string[]): void {
  const key = path.map(fileName).join('.')
  if (node.properties === undefined) {
    const environment = `SENTRYPEER_${key.replaceAll('.', '_').toUpperCase()}`
    leaves.push({ path, key, environment, schema: node })
    return
  }
  if (path.length > 0) sections.push({ key, description: node.description })
  // Leaves before sections: in a TOML file a key after a section's header would belong to that section.
  const entries = Object.entries(node.properties)
  for (const [name, child] of entries) if (child.properties === undefined) collect(child, [...path, name])
  for (const [name, child] of entries) if (child.properties !== undefined) collect(child, [...path, name])
}
collect(schema as unknown as Node, [])

/** Every setting, in the order of the schema. */
export const LEAVES: readonly LeafInfo[] = leaves
export const SECTIONS: readonly SectionInfo[] = sections

const byKey = new Map(LEAVES.map((leaf) => [leaf.key, leaf]))

export function leafOf(key: string): LeafInfo | undefined {
  return byKey.get(key)
}
