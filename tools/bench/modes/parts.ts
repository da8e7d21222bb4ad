// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import path from 'node:path'
import { runJson } from '../child.ts'
import { median, spread } from '../statistics.ts'
import { fixed, percent, type Report, whole } from '../table.ts'
import type { World } from '../world.ts'

const PARTS = path.join(import.meta.dirname, '..', 'parts.ts')
const RUN_SECONDS = 0.5
const RUN_SECONDS_QUICK = 0.1

type Found = {
  readonly parts: readonly { readonly name: string; readonly ns: readonly number[] }[]
  readonly blockBytes: number
}

/** What each pure part takes for one message, with no socket, disk or thread around it. */
export async function parts(world: World): Promise<Report> {
  const { runs, quick } = world.options
  const found = await runJson<Found>(world, process.execPath, [
    '--disable-warning=ExperimentalWarning',
    PARTS,
    String(quick ? RUN_SECONDS_QUICK : RUN_SECONDS),
    String(runs),
  ])
  return {
    tables: [
      {
        title: 'Pure parts, CPU ns for each message',
        columns: ['', 'median', 'runs apart'],
        rows: found.parts.map(({ name, ns }) => [name, whole(median(ns)), percent(spread(ns))]),
      },
    ],
    notes: [`A block of varied records takes ${fixed(found.blockBytes, 0)} bytes for each.`],
    figures: found,
  }
}
