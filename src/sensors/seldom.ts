// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** Lets one call in so many milliseconds through, so that what the network provokes cannot fill a log. */
export function seldom(everyMs: number, now: () => number): (call: () => void) => void {
  let calledAt = Number.NEGATIVE_INFINITY
  return (call) => {
    const at = now()
    if (Math.abs(at - calledAt) < everyMs) return
    calledAt = at
    call()
  }
}
