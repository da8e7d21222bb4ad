// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** The blocks of RFC 5737, and how long their addresses are with one, two and three digits at the end. */
const IPV4_BLOCKS: readonly [prefix: string, from: number, to: number][] = [
  ['192.0.2.', 1, 9], // 9 characters
  ['192.0.2.', 10, 99],
  ['192.0.2.', 100, 254],
  ['198.51.100.', 1, 9], // 12
  ['198.51.100.', 10, 99],
  ['198.51.100.', 100, 254], // 14
]
const IPV6_SHORT = '2001:db8::' // RFC 3849
const IPV6_LONG = '2001:0db8:' // where more than five groups follow
const GROUP_LENGTH = 4

/**
 * An address reserved for documentation that no other one here stands for, written in so many characters, or as near to
 * that as there is one.
 */
export function documentationAddress(isIpv6: boolean, length: number, isTaken: (address: string) => boolean): string {
  for (const candidate of isIpv6 ? ipv6Candidates(length) : ipv4Candidates(length)) {
    if (!isTaken(candidate)) return candidate
  }
  throw new RangeError(`There are not so many addresses for documentation of ${length} characters`)
}

function* ipv4Candidates(length: number): Generator<string> {
  const distance = ([prefix, from]: readonly [string, number, number]) =>
    Math.abs(prefix.length + String(from).length - length)
  for (const [prefix, from, to] of IPV4_BLOCKS.toSorted((a, b) => distance(a) - distance(b))) {
    for (let last = from; last <= to; last++) yield `${prefix}${last}`
  }
}

/** Digits and colons behind the prefix, each group of four but for the first ones; the last group is counted up. */
function* ipv6Candidates(length: number): Generator<string> {
  const shortRoom = length - IPV6_SHORT.length
  const isLong = shortRoom > 5 * GROUP_LENGTH + 4
  const groups = isLong ? longGroups(length - IPV6_LONG.length) : shortGroups(Math.max(1, shortRoom))
  const head = groups.slice(0, -1).map((size) => '1'.repeat(size))
  const lastSize = groups.at(-1)!
  for (let last = 16 ** (lastSize - 1); last < 16 ** lastSize; last++) {
    yield `${isLong ? IPV6_LONG : IPV6_SHORT}${[...head, last.toString(16)].join(':')}`
  }
}

/** Group sizes that take so much room, colons between them included. */
function shortGroups(room: number): number[] {
  const groups: number[] = []
  let left = room
  while (left > GROUP_LENGTH) {
    const size = left === GROUP_LENGTH + 1 ? GROUP_LENGTH - 1 : GROUP_LENGTH // no colon may stand at the end
    groups.push(size)
    left -= size + 1
  }
  return [...groups, left]
}

/** Six of them, as no `::` stands for the rest. */
function longGroups(room: number): number[] {
  let spare = 6 * GROUP_LENGTH + 5 - Math.min(room, 6 * GROUP_LENGTH + 5)
  return Array.from({ length: 6 }, () => {
    const less = Math.min(spare, GROUP_LENGTH - 1)
    spare -= less
    return GROUP_LENGTH - less
  })
}
