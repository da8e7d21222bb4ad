// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Command } from 'commander'
import { EXIT } from './context.ts'

/** The value of an option that counts, from 1 to `max`; ends the command when it is anything else. */
export function parseCount(command: Command, name: string, text: string, max: number): number {
  const count = /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= max) return count
  const wanted = `must be a whole number from 1 to ${max}`
  return command.error(`${name} ${JSON.stringify(text)}: ${wanted}`, { exitCode: EXIT.usage })
}
