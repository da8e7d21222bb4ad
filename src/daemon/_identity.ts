// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { randomBytes, randomUUID } from 'node:crypto'
import { lstatSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeNew } from './_write-new.ts'

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

const ADMIN_KEY = /^[\w-]{43}$/ // 32 bytes

/**
 * The key for those who may read the state folder: made at the first start and kept, so that a client that follows the
 * node goes on when that was restarted. One that others can read, or a link, is replaced.
 */
export function readAdminKey(stateDir: string): string {
  const path = join(stateDir, 'admin.key')
  const file = lstatSync(path, { throwIfNoEntry: false })
  const isPrivate = process.platform === 'win32' || ((file?.mode ?? 0) & 0o077) === 0
  if (file?.isFile() && isPrivate) {
    const key = readFileSync(path, 'utf8').trim()
    if (ADMIN_KEY.test(key)) return key
  }
  const key = randomBytes(32).toString('base64url')
  writeNew(path, `${key}\n`, 0o600)
  return key
}

/** Tells local command lines where the node's API is, for as long as it runs. */
export function announceNode(stateDir: string, node: { url: string; version: string; startedAt: number }): Disposable {
  const path = join(stateDir, 'node.json')
  const json = JSON.stringify({ ...node, startedAt: new Date(node.startedAt).toISOString(), pid: process.pid })
  writeNew(path, `${json}\n`, 0o644)
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) }
}
