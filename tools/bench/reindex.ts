// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// How much CPU time making the index anew takes: `node tools/bench/reindex.ts STATE_DIR`, of a stopped node.
import { reindexStore } from '../../src/store/reindex.ts'

const before = process.cpuUsage()
await reindexStore(process.argv[2]!)
const { user, system } = process.cpuUsage(before)
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`)
