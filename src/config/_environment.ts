// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { LEAVES, type LeafSchema } from './_leaves.ts'
import { nearest } from './_nearest.ts'
import { ORIGINAL_VARIABLES, readOriginal } from './_original.ts'
import { emptySource, type Source } from './_source.ts'

const OWN = new Map(LEAVES.map((leaf) => [leaf.environment, leaf]))

/** Variables of the program that are no settings of the node: the configuration file, and what client commands read. */
const OTHERS = ['SENTRYPEER_CONFIG_FILE', 'SENTRYPEER_URL', 'SENTRYPEER_API_KEY', 'SENTRYPEER_FETCH_NODE']

const OFF = new Set(['0', 'false', 'no', 'off'])
const ON = new Set(['1', 'true', 'yes', 'on'])

/** The original's variables, then ours: where both speak of one thing, ours is the more exact. */
export function readEnvironment(env: NodeJS.ProcessEnv): Source {
  const source = emptySource()
  const base = process.cwd()
  readOriginal(env, source, base)
  for (const [name, leaf] of OWN) {
    const text = env[name]?.trim()
    if (text === undefined || text === '') continue // compose files hand over empty variables for "not set"
    const origin = `environment ${name}`
    source.settings.set(leaf.key, { value: fromText(leaf.schema, text), origin, where: origin, base })
  }
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('SENTRYPEER_') || isKnown(name)) continue
    const near = nearest(name, [...OWN.keys(), ...ORIGINAL_VARIABLES, ...OTHERS])
    source.notices.push(`${name} is not known and has no effect${near === null ? '' : `; did you mean ${near}?`}`)
  }
  return source
}

function isKnown(name: string): boolean {
  return OWN.has(name) || ORIGINAL_VARIABLES.has(name) || OTHERS.includes(name)
}

/** Gives a text the kind that the schema asks for; a text that cannot have it is left for the check to refuse. */
export function fromText({ type }: LeafSchema, text: string): unknown {
  if (type === 'boolean') return OFF.has(text.toLowerCase()) ? false : ON.has(text.toLowerCase()) ? true : text
  if (type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
  if (type !== 'array') return text
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
