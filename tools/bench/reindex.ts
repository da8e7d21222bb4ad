// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The CPU time of an event in making the index anew, of the first of them and of those behind:
// `node tools/bench/reindex.ts STATE_DIR FIRST_COUNT`, of a stopped node.
import path from 'node:path'
import { buildIndex } from '../../src/store/reindex.ts'
import { journalDir } from '../../src/store/segment.ts'

const stateDir = process.argv[2]!
const firstCount = Number(process.argv[3])
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
const before = cpuSeconds()
let turn = { count: 0, at: before } // when the first were in the index, to a step
// Without what only `sentrypeer reindex` does: to look for what the old index alone has.
const eventCount = await buildIndex(journalDir(stateDir), path.join(stateDir, 'made-anew'), (count) => {
  if (count <= firstCount) turn = { count, at: cpuSeconds() }
})
const coldSeconds = (turn.at - before) / turn.count
const warmSeconds = (cpuSeconds() - turn.at) / (eventCount - turn.count)
process.stdout.write(`${JSON.stringify({ coldSeconds, warmSeconds })}\n`)
