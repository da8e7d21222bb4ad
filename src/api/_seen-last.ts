// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const MINUTE_MS = 60_000

/**
 * Returns what writes a time as `YYYY-MM-DD HH:MM:SS.nnnnnnnnn` in UTC. The original's was local time, and short of
 * digits now and then. The part up to the minute is made once for neighbours that share it: in a list they mostly do.
 */
export function seenLastWriter(): (at: number) => string {
  let minute = Number.NaN
  let upToMinute = ''
  return (at) => {
    const ofThis = Math.floor(at / MINUTE_MS)
    if (ofThis !== minute) {
      const time = new Date(at).toISOString()
      upToMinute = `${time.slice(0, 10)} ${time.slice(11, 17)}`
      minute = ofThis
    }
    const digits = String(Math.floor(at - minute * MINUTE_MS)).padStart(5, '0')
    return `${upToMinute}${digits.slice(0, 2)}.${digits.slice(2)}000000`
  }
}
