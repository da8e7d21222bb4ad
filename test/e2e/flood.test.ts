// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startNode } from '../support/node-process.ts'
import { sipRequest } from '../support/observations.ts'
import { tempDir } from '../support/temp-dir.ts'

const FLOOD_SIZE = 8 * 1_048_576 // bytes sent in all
const GROWTH_COUNT = 10

function journalSize(stateDir: string): number {
  return readdirSync(`${stateDir}/journal`).reduce((sum, name) => sum + statSync(`${stateDir}/journal/${name}`).size, 0)
}

test('while a connection floods the node with small messages, the journal keeps growing', async (t) => {
  const stateDir = tempDir(t)
  const node = await startNode(t, stateDir)
  const socket = connect(node.sipPort, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.on('error', () => {}) // the node is killed at the end
  socket.resume()
  const chunk = Buffer.concat(
    Array.from({ length: 100 }, (_, i) => sipRequest({ method: 'OPTIONS', callId: `flood-${i}` })),
  )
  let writtenSize = 0
  const push = (): void => {
    while (writtenSize < FLOOD_SIZE && !socket.destroyed) {
      writtenSize += chunk.length
      if (!socket.write(chunk)) {
        socket.once('drain', push)
        return
      }
    }
  }
  push()
  const deadline = performance.now() + 30_000
  const sizes = new Set<number>()
  while (sizes.size < GROWTH_COUNT && performance.now() < deadline) {
    sizes.add(journalSize(stateDir))
    await new Promise(setImmediate)
  }
  assert(sizes.size >= GROWTH_COUNT, `the journal grew ${sizes.size} times while ${writtenSize} bytes went out`)
  await node.kill('SIGKILL')
})
