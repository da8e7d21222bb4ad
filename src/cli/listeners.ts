// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

export type ListenerJson = { readonly transport: string; readonly ip: string; readonly port: number }

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
