// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { flood } from './modes/flood.ts'
import { indexRate } from './modes/index-rate.ts'
import { lag } from './modes/lag.ts'
import { lists } from './modes/lists.ts'
import { lookups } from './modes/lookups.ts'
import { parts } from './modes/parts.ts'
import { start } from './modes/start.ts'
import { dgram, receive, replies } from './modes/throughput.ts'
import { varied } from './modes/varied.ts'
import type { Mode } from './options.ts'
import type { Report } from './table.ts'
import type { World } from './world.ts'

/** How each mode is measured. */
export const MEASURES: Readonly<Record<Mode, (world: World) => Promise<Report>>> = {
  parts,
  replies,
  receive,
  dgram,
  varied,
  index: indexRate,
  lag,
  lists,
  start,
  lookups,
  flood,
}
