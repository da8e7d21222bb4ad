// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { EVENT_KINDS, TRANSPORTS } from '../core/event.ts'
import { isResearchIp } from '../core/research-scanners.ts'
import { DIALLED_SIZE_MAX } from './delta.ts'
import type { DialledForms } from './dialled-forms.ts'
import { Facts } from './facts.ts'
import { type DialledNumber, type IndexFacts, TEXT_SIZE_MAX } from './index-facts.ts'
import { behaviourBits, type StoredObservation } from './record.ts'

/** Reads out of observations what the index needs of them, at a fraction of what a whole event costs. */
export class ObservedFacts {
  readonly #facts: Facts

  constructor(forms?: DialledForms) {
    this.#facts = new Facts(forms)
  }

  read(id: number, observation: StoredObservation): IndexFacts {
    const { at, transport, source, destination, validation, collectedMethod, bytes } = observation
    const facts = this.#facts
    facts.read(bytes, 0, bytes.length, TRANSPORTS.indexOf(transport))
    facts.addTags(behaviourBits(observation.behaviours ?? []), isResearchIp(source.ip))
    return {
      id,
      kind: EVENT_KINDS[facts.kind] ?? 'non-sip',
      at,
      transport,
      source,
      destination,
      validation,
      collectedMethod,
      method: facts.method.text(TEXT_SIZE_MAX),
      userAgent: facts.userAgent.text(TEXT_SIZE_MAX),
      calledNumber: calledText(facts),
      calledNumbers: dialledNumbers(facts),
      e164: facts.e164,
      tagMask: facts.tagMask,
    }
  }
}

/** Mostly that is the form, whose string is there. */
function calledText({ first, called }: Facts): string | null {
  return first !== null && called.size <= DIALLED_SIZE_MAX ? first.form : called.text(TEXT_SIZE_MAX)
}

function dialledNumbers({ first, second }: Facts): DialledNumber[] {
  const numbers: DialledNumber[] = []
  if (first !== null) numbers.push({ raw: first.form, value: first.number.value })
  if (second !== null) numbers.push({ raw: second.form, value: second.number.value })
  return numbers
}
