// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What a mode found: tables for people, and the figures of each run for programs. */
export type Report = {
  readonly tables: readonly Table[]
  readonly notes: readonly string[]
  readonly figures: Readonly<Record<string, unknown>>
}

export type Table = {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[] // the first cell names the row, the others are figures
}

export function formatTable({ title, columns, rows }: Table): string {
  const widths = columns.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  return [title, line(columns), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line), ''].join('\n')
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** A count, with commas. */
export const whole = (value: number): string => (Number.isFinite(value) ? grouped.format(value) : '–')

/** A figure with so many digits behind the point. */
export const fixed = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–')

export const percent = (part: number): string => (Number.isFinite(part) ? `${(100 * part).toFixed(1)} %` : '–')

export const mib = (size: number): string => (Number.isFinite(size) ? `${(size / 1_048_576).toFixed(0)} MiB` : '–')
