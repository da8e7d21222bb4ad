// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

const NAME = /^(\d{4}-\d\d-\d\d)\.sqlite$/

export const indexDir = (stateDir: string): string => join(stateDir, 'index')
export const dayPath = (dir: string, day: string): string => join(dir, `${day}.sqlite`)

/** The days that have a file, oldest first. */
export function listDays(dir: string): string[] {
  return readdirSync(dir)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .sort()
}

export function removeDay(dir: string, day: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(dayPath(dir, day) + suffix, { force: true })
}

export function daySize(dir: string, day: string): number {
  let size = 0
  for (const suffix of ['', '-wal']) {
    const path = dayPath(dir, day) + suffix
    if (existsSync(path)) size += statSync(path).size
  }
  return size
}
