// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { displayWidth, fit, type Paint, printable, type Style } from './terminal.ts'

/**
 * `shrink`: may be cut to fit the terminal. `spare`: may be left out where that is not enough, the highest first. `style` colours
 * the cells of the column.
 */
export type Column = {
  readonly title: string
  readonly align?: 'left' | 'right'
  readonly shrink?: boolean
  readonly spare?: number
  readonly style?: (text: string) => Style | null
}

export type TableOptions = {
  readonly width: number | undefined // columns of the terminal; undefined: nothing is cut
  readonly paint: Paint
  readonly header?: boolean // default true
}

const GAP = '  '
const SHRUNK_WIDTH_MIN = 8

/** The columns there is room for, and what takes their cells out of a row. */
export type TableView = {
  readonly columns: readonly Column[]
  readonly pick: (row: readonly string[]) => readonly string[]
}

/** Leaves out columns that can be spared until the rest fits the terminal, which the wider ones are cut for. */
export function fittingView(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): TableView {
  const least = columns.map((column, i) => {
    const whole = rows.reduce((most, row) => Math.max(most, displayWidth(printable(row[i] ?? ''))), 0)
    const wanted = Math.max(whole, displayWidth(column.title))
    return column.shrink === true ? Math.min(wanted, SHRUNK_WIDTH_MIN) : wanted
  })
  const kept = columns.map((_, i) => i)
  const size = () => kept.reduce((sum, i) => sum + least[i]! + GAP.length, -GAP.length)
  while (width !== undefined && size() > width) {
    const spared = kept.toSorted((a, b) => (columns[b]!.spare ?? 0) - (columns[a]!.spare ?? 0))[0]
    if (spared === undefined || columns[spared]!.spare === undefined) break
    kept.splice(kept.indexOf(spared), 1)
  }
  return { columns: kept.map((i) => columns[i]!), pick: (row) => kept.map((i) => row[i] ?? '') }
}

/** Rows under each other. Every cell is made printable here, so callers can hand over what attackers sent. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => row.map(printable))
  const widths = columnWidths(columns, cells, options)
  const lines: string[] = []
  if (options.header !== false) {
    const titles = columns.map((column, i) => pad(fit(column.title, widths[i]!), widths[i]!, column.align))
    lines.push(options.paint('bold', titles.join(GAP).trimEnd()))
  }
  for (const row of cells) {
    const parts = columns.map((column, i) => {
      const text = row[i] ?? ''
      const padded = pad(fit(text, widths[i]!), widths[i]!, column.align)
      const style = column.style?.(text) ?? null
      return style === null ? padded : options.paint(style, padded)
    })
    lines.push(parts.join(GAP).trimEnd())
  }
  return lines.map((line) => `${line}\n`).join('')
}

function columnWidths(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  options: TableOptions,
): number[] {
  const widths = columns.map(({ title }, i) => {
    const start = options.header === false ? 0 : displayWidth(title)
    return cells.reduce((width, row) => Math.max(width, displayWidth(row[i] ?? '')), start)
  })
  if (options.width === undefined) return widths
  let excess = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - options.width
  while (excess > 0) {
    const widest = widestShrinkable(columns, widths)
    if (widest === null) break // narrower than what must be whole: the terminal wraps
    const step = Math.min(excess, shrinkStep(columns, widths, widest))
    widths[widest]! -= step
    excess -= step
  }
  return widths
}

function widestShrinkable(columns: readonly Column[], widths: readonly number[]): number | null {
  let widest: number | null = null
  for (const [i, column] of columns.entries()) {
    if (column.shrink !== true || widths[i]! <= SHRUNK_WIDTH_MIN) continue
    if (widest === null || widths[i]! > widths[widest]!) widest = i
  }
  return widest
}

/** Down to the next widest column at once, then column by column, so that all end about equally wide. */
function shrinkStep(columns: readonly Column[], widths: readonly number[], widest: number): number {
  const others = widths.filter((width, i) => i !== widest && columns[i]!.shrink === true && width < widths[widest]!)
  const floor = Math.max(SHRUNK_WIDTH_MIN, ...others)
  return Math.max(1, widths[widest]! - floor)
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  return align === 'right' ? space + text : text + space
}

/** Labels on the left, values on the right; values are made printable. */
export function formatFacts(facts: readonly (readonly [label: string, value: string])[], paint: Paint): string {
  const width = Math.max(...facts.map(([label]) => displayWidth(label)))
  return facts.map(([label, value]) => `  ${paint('dim', pad(label, width, 'left'))}  ${printable(value)}\n`).join('')
}
