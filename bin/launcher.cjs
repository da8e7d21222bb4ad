#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// biome-ignore-all lint/style/useNodejsImportProtocol: older Nodes do not know the prefix
'use strict'
// Runs a task of this checkout (`npm start`, `npm test` …) on a machine that has just some Node: it sees to a Node
// that is new enough and to node_modules, then hands over. Any Node since 12 must be able to read this file.
const fs = require('fs')
const path = require('path')
const handOver = require('./hand-over.cjs')
const runtime = require('./runtime.cjs')

const ROOT = path.dirname(__dirname)
const RUNTIME_FOLDER = path.join(ROOT, '.runtime')

// task -> the script and its first arguments; `production` tasks need no development dependencies.
const TASKS = new Map([
  ['start', { production: true, run: ['src/cli/main.ts', 'start'] }],
  ['cli', { production: true, run: ['src/cli/main.ts'] }],
  ['reindex', { production: true, run: ['src/cli/main.ts', 'reindex'] }],
  ['test', { run: ['tools/test.ts', 'quick'] }],
  ['test:long', { run: ['tools/test.ts', 'long'] }],
  ['night', { run: ['tools/test.ts', 'night'] }],
  ['check', { run: ['tools/check.ts'] }],
  ['docs', { run: ['tools/docs.ts'] }],
  ['dev', { run: ['tools/dev.ts'] }],
  ['bench', { run: ['tools/bench.ts'] }],
  ['build', { run: ['tools/build.ts'] }],
])

/**
 * Whether node_modules holds what package-lock.json asks for, by the record npm leaves there when it is done (an
 * interrupted installation leaves none). Optional packages may be missing: most are for other platforms.
 */
function isInstalled(lockText, recordText, production) {
  const wanted = JSON.parse(lockText).packages
  const held = JSON.parse(recordText).packages || {}
  return Object.keys(wanted).every((key) => {
    const want = wanted[key]
    const have = held[key]
    if (key === '' || want.link || key.indexOf('node_modules/') === -1) return true
    if (have === undefined) return Boolean(want.optional || want.devOptional || (want.dev && production))
    return have.version === want.version && (!have.integrity || !want.integrity || have.integrity === want.integrity)
  })
}

function hasModules(production) {
  const record = path.join(ROOT, 'node_modules', '.package-lock.json')
  try {
    const recordText = fs.readFileSync(record, 'utf8')
    return isInstalled(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'), recordText, production)
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return false
    throw error
  }
}

function modulesHint(why, command) {
  return [
    `node_modules is missing or does not match package-lock.json. ${why}`,
    'With access to the npm registry, run',
    '    npm ci --ignore-scripts',
    `    ${command}`,
    'For a machine without network, copy the folders node_modules and .runtime from one of the same kind.',
  ].join('\n')
}

async function ensureModules(node, task, options) {
  if (hasModules(task.production)) return
  const fail = (why) => new runtime.Hint(modulesHint(why, options.command))
  if (runtime.findNpm(node, process.env) === null) throw fail('It could not be installed: npm was not found.')
  await runtime.withLock(path.join(RUNTIME_FOLDER, 'install.lock'), async () => {
    if (hasModules(task.production)) return
    runtime.say('installing the dependencies of package-lock.json ...')
    const args = ['ci', '--prefix', ROOT, '--ignore-scripts', '--package-lock=true'].concat(options.npmArgs)
    const result = await runtime.runNpm(node, args, ROOT, process.env)
    if (!result.ok) throw fail(`It could not be installed:\n${result.said}`)
  })
}

async function main(argv) {
  const name = argv[0]
  const task = TASKS.get(name)
  if (task === undefined)
    throw new runtime.Hint(`no task ${name || '(none)'}; there are: ${Array.from(TASKS.keys()).join(' ')}`)
  const script = path.join(ROOT, task.run[0])
  if (!fs.existsSync(script)) throw new runtime.Hint(`the task ${name} is not in this checkout: ${script} is missing`)
  const isOffline = (arg) => arg === '--offline'
  const args = argv.slice(1).filter((arg) => !isOffline(arg))
  const options = {
    command: name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`,
    npmArgs: argv.some(isOffline) ? ['--offline'] : [], // from npm's cache or not at all
  }
  const node = await runtime.ensureNode(RUNTIME_FOLDER, options)
  await ensureModules(node, task, options)
  handOver(node, [script].concat(task.run.slice(1), args), path.join(RUNTIME_FOLDER, 'compile-cache'))
}

if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    runtime.say(error instanceof runtime.Hint ? error.message : error.stack)
    process.exit(1)
  })
}

module.exports = { TASKS, isInstalled }
