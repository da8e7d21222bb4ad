// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The node's own UUID: made at the first start, kept in the state folder, no secret. */
export function readNodeId(stateDir: string): string {
  const path = join(stateDir, 'node-id')
  try {
    const id = readFileSync(path, 'utf8').trim()
    if (UUID.test(id)) return id
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const id = randomUUID()
  writeNew(path, `${id}\n`, 0o600)
  return id
}

/** A key for those who may read the state folder; another one at each start. */
export const createAdminKey = (): string => randomBytes(32).toString('base64url')

/** Tells local command lines where the node's API is, and the key to it, for as long as it runs. */
export function announceNode(
  stateDir: string,
  node: { url: string; version: string; startedAt: number; adminKey: string },
): Disposable {
  const paths = { key: join(stateDir, 'admin.key'), node: join(stateDir, 'node.json') }
  const { adminKey, ...facts } = node
  writeNew(paths.key, `${adminKey}\n`, 0o600)
  const json = JSON.stringify({ ...facts, startedAt: new Date(facts.startedAt).toISOString(), pid: process.pid })
  writeNew(paths.node, `${json}\n`, 0o644)
  return {
    [Symbol.dispose]: () => {
      for (const path of Object.values(paths)) rmSync(path, { force: true })
    },
  }
}

/** Makes the file anew: a link that stands there is removed and not followed, and only a new file is given its mode. */
function writeNew(path: string, text: string, mode: number): void {
  rmSync(path, { force: true })
  writeFileSync(path, text, { mode, flag: 'wx' })
}
