// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { dirname } from 'node:path'
import { parse, TomlDate, TomlError } from 'smol-toml'
import { quote } from '../core/text.ts'
import { LEAVES, leafOf, SECTIONS } from './_leaves.ts'
import { nearest } from './_nearest.ts'
import { TLS_LISTEN } from './_original.ts'
import { emptySource, type Source } from './_source.ts'

/** The keys of the original's configuration file, all at its top: what they mean here, and one that means nothing. */
const ORIGINAL_KEYS: Readonly<Record<string, string>> = { cert: 'sip.tls.certificate', key: 'sip.tls.key' }
const ORIGINAL_LISTEN_KEY = 'tls_listen_address'
const SECTION_KEYS = new Set(SECTIONS.map(({ key }) => key))
const KEYS = [...LEAVES.map(({ key }) => key), ...SECTION_KEYS]

/** Reads the text of a TOML file. Unknown keys and broken TOML are problems of the source, never exceptions. */
export function readFileText(path: string, text: string): Source {
  const source = emptySource()
  const origin = `file ${path}`
  try {
    readTable(parse(text), [])
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const reason = error.message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    source.problems.push(`${origin}, line ${error.line}, column ${error.column}: not TOML: ${reason}`)
  }
  return source

  function readTable(table: Readonly<Record<string, unknown>>, path: readonly string[]): void {
    for (const [name, value] of Object.entries(table)) readEntry([...path, name], value)
  }

  function readEntry(entryPath: readonly string[], value: unknown): void {
    const key = entryPath.join('.')
    const line = findLine(text, entryPath)
    const where = line === null ? origin : `${origin}, line ${line}`
    const ownKey = Object.hasOwn(ORIGINAL_KEYS, key) ? ORIGINAL_KEYS[key]! : key
    if (leafOf(ownKey) !== undefined) {
      source.settings.set(ownKey, { value, origin, where, base: dirname(path) })
    } else if (SECTION_KEYS.has(key)) {
      if (isTable(value)) readTable(value, entryPath)
      else source.problems.push(`${key} = ${quote(value)} (${where}): is a section, written [${key}]`)
    } else if (key === ORIGINAL_LISTEN_KEY) {
      source.notices.push(`${key} (${where}) has no effect: ${TLS_LISTEN}`)
    } else {
      const near = nearestKey(key)
      source.problems.push(`${key} (${where}): there is no such key${near === null ? '' : `; did you mean ${near}?`}`)
    }
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TomlDate)
}

/**
 * The key that was most likely meant. In a section that exists only its last part can be wrong; else a key with the right
 * last part in the wrong section is the likeliest slip.
 */
function nearestKey(key: string): string | null {
  const section = key.slice(0, key.lastIndexOf('.') + 1)
  const last = key.slice(section.length)
  const sameName = LEAVES.filter((leaf) => leaf.key.endsWith(`.${last}`))
  if (sameName.length === 1) return sameName[0]!.key
  if (section === '') return nearest(key, SECTION_KEYS) ?? nearestLast(last)
  if (!SECTION_KEYS.has(section.slice(0, -1))) return nearest(key, KEYS)
  const near = nearest(
    last,
    KEYS.filter((other) => other.startsWith(section)).map((other) => other.slice(section.length)),
  )
  return near === null ? nearestLast(last) : section + near
}

function nearestLast(last: string): string | null {
  const lastPart = (key: string) => key.slice(key.lastIndexOf('.') + 1)
  const near = nearest(
    last,
    LEAVES.map(({ key }) => lastPart(key)),
  )
  const named = LEAVES.filter(({ key }) => lastPart(key) === near)
  return named.length === 1 ? named[0]!.key : null
}

const HEADER = /^\s*\[([^[\]]+)\]/
const ASSIGNMENT = /^\s*([^=#]+?)\s*=/

/**
 * The line, counted from 1, on which a key is set, or its section begins. The parser keeps no positions,
 * so this looks through the text again; null when the key is written in a way that it does not know (inline tables).
 */
function findLine(text: string, path: readonly string[]): number | null {
  const wanted = path.join('.')
  let table = ''
  let sectionLine: number | null = null
  for (const [i, line] of text.split('\n').entries()) {
    const header = HEADER.exec(line)
    const name = header === null ? ASSIGNMENT.exec(line)?.[1] : header[1]
    if (name === undefined) continue
    const key = name.split('.').map(bareKey).join('.')
    if (header !== null) table = `${key}.`
    const full = header === null ? table + key : key
    if (full === wanted) return i + 1
    if (full.startsWith(`${wanted}.`)) sectionLine ??= i + 1
  }
  return sectionLine
}

function bareKey(part: string): string {
  return part.trim().replace(/^(["'])(.*)\1$/, '$2')
}
