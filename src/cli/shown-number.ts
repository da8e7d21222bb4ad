// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { normalizeNumber } from '../core/phone-number.ts'
import type { EventJson } from './client.ts'

/** The number that an event dialled, as `list numbers` has it: in E.164, else its digits, else what was dialled. */
export function shownNumber({ e164, calledNumber }: Pick<EventJson, 'e164' | 'calledNumber'>): string | null {
  if (e164 !== null || calledNumber === null) return e164
  return normalizeNumber(calledNumber).value || calledNumber
}
