// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// biome-ignore-all lint/style/useNodejsImportProtocol: older Nodes do not know the prefix
'use strict'
// Starts what somebody asked for, under a Node that is new enough, and stands between it and the terminal or npm.
// Any Node since 12 must be able to read this file.
const childProcess = require('child_process')
const os = require('os')
const path = require('path')
const runtime = require('./runtime.cjs')

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const SAME_SIGNAL_MS = 500 // copies of one Ctrl-C: the terminal's own, and the one npm passes on

const ORPHAN_POLL_MS = 250

/**
 * Calls back when npm, having started us, is gone without a word (killed, or hung up on): whoever stops npm wants the
 * task stopped. Not run by npm: never, since a shell may well end before what it started.
 */
function onceAbandoned(callback) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const poll = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(poll)
    callback()
  }, ORPHAN_POLL_MS)
}

/** Ends what a task that was told to stop has left behind: nodes that a test had started, say. */
function endGroup(leader) {
  try {
    process.kill(-leader, 'SIGTERM')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error // nobody is left, as it should be
  }
}

/**
 * Starts the task, passes signals on, and ends as it ends. The task has a process group of its own, so of one Ctrl-C
 * it gets exactly the one signal sent from here; a second Ctrl-C is passed on again.
 */
function handOver(node, args, compileCache) {
  const isPosix = process.platform !== 'win32'
  const env = runtime.environmentFor(node, process.env)
  if (compileCache && env.NODE_COMPILE_CACHE === undefined) env.NODE_COMPILE_CACHE = compileCache
  const follow = isPosix ? ['--require', path.join(__dirname, 'follow.cjs')] : []
  if (isPosix) env.SENTRYPEER_LAUNCHER_FD = '3'
  const child = childProcess.spawn(node, ['--disable-warning=ExperimentalWarning'].concat(follow, args), {
    env,
    detached: isPosix,
    stdio: ['inherit', 'inherit', 'inherit'].concat(isPosix ? ['pipe'] : []),
  })
  let sent = null
  let sentAt = 0
  const pass = (signal) => {
    if (!isPosix || (signal === sent && Date.now() - sentAt < SAME_SIGNAL_MS)) return
    sent = signal
    sentAt = Date.now()
    child.kill(signal)
  }
  for (const signal of SIGNALS) process.on(signal, () => pass(signal))
  if (isPosix) {
    onceAbandoned(() => sent === null && pass('SIGTERM'))
    process.on('SIGTSTP', () => {
      child.kill('SIGSTOP')
      process.kill(process.pid, 'SIGSTOP')
    })
    process.on('SIGCONT', () => child.kill('SIGCONT'))
  }
  child.on('error', (error) => {
    runtime.say(`cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (sent !== null) endGroup(child.pid)
    if (SIGNALS.indexOf(signal) === -1) process.exit(signal === null ? code : 128 + os.constants.signals[signal])
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

module.exports = handOver
