#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// biome-ignore-all lint/style/useNodejsImportProtocol: older Nodes do not know the prefix
'use strict'
// The command of the published package. Any Node since 12 must be able to read this file, to say that it is too old.
const fs = require('fs')
const os = require('os')
const path = require('path')
const url = require('url')
const runtime = require('./runtime.cjs')

const ROOT = path.dirname(__dirname)

/** The built program of a published package, or the sources of a checkout. */
function program() {
  const built = path.join(ROOT, 'dist', 'cli', 'main.js')
  const source = path.join(ROOT, 'src', 'cli', 'main.ts')
  return fs.existsSync(source) ? source : built
}

function cacheFolder(env) {
  const base =
    env.XDG_CACHE_HOME || (process.platform === 'win32' && env.LOCALAPPDATA) || path.join(os.homedir(), '.cache')
  return path.join(base, 'sentrypeer', 'runtime')
}

async function main(args) {
  if (runtime.isAtLeast(process.versions.node, runtime.NODE_MINIMUM)) {
    await import(url.pathToFileURL(program()).href)
    return
  }
  const command = ['sentrypeer'].concat(args).join(' ')
  if (process.env.SENTRYPEER_FETCH_NODE !== '1') {
    const also = ['or let it fetch that Node for itself:', `    SENTRYPEER_FETCH_NODE=1 ${command}`]
    throw new runtime.Hint(runtime.nodeHint(null, command, also))
  }
  const node = await runtime.ensureNode(cacheFolder(process.env), { command, npmArgs: [] })
  require('./hand-over.cjs')(node, [program()].concat(args))
}

main(process.argv.slice(2)).catch((error) => {
  runtime.say(error instanceof runtime.Hint ? error.message : error.stack)
  process.exit(1)
})
