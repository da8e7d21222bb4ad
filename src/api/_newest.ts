// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { DialledForm, Indicator } from '../core/indicator.ts'

/** The forms of a number; one of which none was kept has its value for one. */
export function formsOf({ dialled, value: raw, count, lastSeenAt }: Indicator): readonly DialledForm[] {
  return dialled.length > 0 ? dialled : [{ raw, count, lastSeenAt }]
}

/**
 * The forms of all numbers, most recently dialled first, from numbers in that order. Lazy: a form waits here only while
 * there may be later ones of other numbers, since no form is later than its number. A number that comes late because it
 * was dialled meanwhile is not lost: its forms come then. Gives null whenever it looked at so many numbers in a row
 * without finding the next form: all their forms can be old, when there was no room for the newest ones.
 */
export function* newestForms(
  numbers: Iterable<Indicator>,
  lookMax: number,
): Generator<DialledForm | null, void, undefined> {
  const waiting = new NewestHeap()
  let lookedCount = 0
  for (const number of numbers) {
    while ((waiting.newest?.lastSeenAt ?? Number.NEGATIVE_INFINITY) >= number.lastSeenAt) {
      yield waiting.take()
      lookedCount = 0
    }
    for (const form of formsOf(number)) waiting.add(form)
    if (++lookedCount % lookMax === 0) yield null
  }
  while (waiting.newest !== undefined) yield waiting.take()
}

/** A binary heap with the newest form on top. */
class NewestHeap {
  readonly #forms: DialledForm[] = []

  get newest(): DialledForm | undefined {
    return this.#forms[0]
  }

  add(form: DialledForm): void {
    let at = this.#forms.push(form) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#forms[parent]!.lastSeenAt >= form.lastSeenAt) break
      this.#forms[at] = this.#forms[parent]!
      at = parent
    }
    this.#forms[at] = form
  }

  /** The newest, which there must be. */
  take(): DialledForm {
    const forms = this.#forms
    const top = forms[0]!
    const last = forms.pop()!
    if (forms.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= forms.length) break
      if (child + 1 < forms.length && forms[child + 1]!.lastSeenAt > forms[child]!.lastSeenAt) child++
      if (forms[child]!.lastSeenAt <= last.lastSeenAt) break
      forms[at] = forms[child]!
      at = child
    }
    forms[at] = last
    return top
  }
}
