// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export type ListenerJson = {
  readonly transport: string
  readonly ip: string
  readonly port: number
  readonly receiver?: string // how it receives; where a node tells
}

const SHOWN_MAX = 4 // of one transport and port; a machine with containers has dozens of addresses

/** "udp 127.0.0.1:5060 · tcp [::]:5060"; many addresses of one port are counted. */
export function formatListeners(listeners: readonly ListenerJson[]): string {
  const groups = Map.groupBy(listeners, ({ transport, port }) => `${transport} port ${port}`)
  const texts = Array.from(groups, ([name, group]) => {
    if (group.length > SHOWN_MAX) return [`${name} of ${group.length} addresses`]
    return group.map(({ transport, ip, port }) => `${transport} ${ip.includes(':') ? `[${ip}]` : ip}:${port}`)
  })
  return texts.flat().join(' · ')
}

/** "by recvmmsg": how a node receives datagrams; null when it does not tell, or listens for none. */
export function formatReceiver(listeners: readonly ListenerJson[]): string | null {
  const ways = listeners.flatMap(({ transport, receiver }) => (transport === 'udp' && receiver ? [receiver] : []))
  return ways.length === 0 ? null : `by ${[...new Set(ways)].join(' and ')}`
}
