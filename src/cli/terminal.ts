// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { styleText } from 'node:util'
import type { Output } from './context.ts'

/**
 * Characters that make a terminal do something else than show them: C0 and C1 controls (ECMA-48; ESC and CSI start
 * sequences), DEL, line and paragraph separators, bidirectional marks and overrides (UAX #9), the byte order mark, and halves of surrogate pairs.
 */
const ACTIVE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Text from outside, safe to print: attackers choose user agents, and terminals obey escape sequences. */
export function printable(text: string): string {
  return text.replace(ACTIVE, escapeCharacter)
}

/** JSON that is as safe to print; it means the same to a parser. */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent)
  return text.replace(ACTIVE, (character) => {
    if (character === '\n') return character // of the indentation; within a string it is written as \n already
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u
const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u

/** How many columns printable text takes. */
export function displayWidth(text: string): number {
  // Plain ASCII is the common case and needs no tables.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return width
}

/** Cuts to so many columns, the last of them an ellipsis. */
export function fit(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const character of text) {
    const next = displayWidth(character)
    if (used + next > width - 1) break
    cut += character
    used += next
  }
  return width < 1 ? '' : `${cut}…`
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'
export type Paint = (style: Style, text: string) => string

/** Colours on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb asks for none. */
export function painter(output: Output, env: NodeJS.ProcessEnv): Paint {
  const colours = output.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text)
}

/** 12,345: the same everywhere, whatever the locale. */
export function formatCount(count: number): string {
  return count.toLocaleString('en')
}

/** Bytes for people. */
export function formatSize(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = size
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** "1 event", "2 events". */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`
}
