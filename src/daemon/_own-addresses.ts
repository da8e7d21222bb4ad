// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { networkInterfaces } from 'node:os'

/** All addresses of this machine as they are now, loopback included. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address))
}
