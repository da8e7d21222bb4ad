// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Reads TypeScript sources for the tests that are about the sources themselves.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const ROOT = path.resolve(import.meta.dirname, '..', '..')

export type Import = {
  readonly specifier: string
  readonly isType: boolean // import type, export type: nothing is loaded
  readonly isDynamic: boolean
}

/** Files of the repository that match, with / between folders. */
export function files(...patterns: string[]): string[] {
  const ignored = /(^|\/)(node_modules|dist|\.runtime)\//
  return globSync(patterns, { cwd: ROOT })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => !ignored.test(file))
    .sort()
}

export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8')

const STATIC_IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm
const DYNAMIC_IMPORT = /\bimport\(\s*'([^']+)'\s*,?\s*\)/g
const TYPE_QUERY = /\btypeof import\(/

export function importsOf(text: string): Import[] {
  const found: Import[] = []
  for (const [, type, specifier] of text.matchAll(STATIC_IMPORT)) {
    found.push({ specifier: specifier!, isType: type !== undefined, isDynamic: false })
  }
  for (const match of text.matchAll(DYNAMIC_IMPORT)) {
    const isType = TYPE_QUERY.test(text.slice(Math.max(0, match.index - 7), match.index + 7))
    found.push({ specifier: match[1]!, isType, isDynamic: true })
  }
  return found
}

/** The file that a relative specifier names, or null for a package. */
export function resolveImport(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier)) : null
}

// Strings and regular expressions are matched so that what looks like a comment inside them is left alone.
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=[=(,:[!&|?{};+\n]\s*|\breturn\s)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//g

/** The text with comments, quoted strings and regular expressions blanked: what is left is code. Lines keep their number. */
export function codeOf(text: string): string {
  return text.replace(TOKEN, (token) => token.replace(/[^\n]/g, ' '))
}
