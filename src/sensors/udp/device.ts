// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { Responder } from '../uas/responder.ts'
import type { QuickAnswers } from './quick-answers.ts'

/** What answers at an address, as one persona. */
export type Device = {
  readonly responder: Responder
  readonly quick: Pick<QuickAnswers, 'read' | 'draft'>
}
