// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Documents rot in silence: what they name must exist, and what is generated must be what would be generated now.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import { buildProgram, COMMANDS } from '../src/cli/cli.ts'
import { ORIGINAL_VARIABLES } from '../src/config/_original.ts'
import { configTable } from '../src/config.ts'
import { DOCUMENTS } from '../tools/documents.ts'
import { files, ROOT, read } from './support/source.ts'

const pages = files('*.md', 'docs/**/*.md')
const handwritten = pages.filter((page) => !DOCUMENTS.some((document) => document.path === page))
const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
const exists = (file: string): boolean => existsSync(path.join(ROOT, file))

for (const document of DOCUMENTS) {
  test(`${document.path} is what npm run docs would write`, async () => {
    assert(exists(document.path), 'run npm run docs')
    assert(read(document.path) === (await document.generate()), 'out of date: run npm run docs')
  })
}

/** Every name of a kind that a page mentions, as "page: name", unless `isKnown`. */
function unknownNames(pattern: RegExp, isKnown: (name: string, page: string) => boolean): string[] {
  return handwritten.flatMap((page) =>
    [...read(page).matchAll(pattern)].filter(([, name]) => !isKnown(name!, page)).map(([, name]) => `${page}: ${name}`),
  )
}

test('links between documents lead somewhere', () => {
  const isKnown = (link: string, page: string): boolean => {
    const target = link.split('#')[0]!
    return target === '' || /^[a-z]+:/.test(link) || exists(path.join(path.dirname(page), target))
  }
  assert.deepEqual(unknownNames(/\]\(([^)\s]+)\)/g, isKnown), [])
})

test('paths that documents name exist', () => {
  const roots = 'src|test|tools|bin|docs|packaging|web|sdk|LICENSES|\\.ci'
  const isKnown = (name: string): boolean => /[A-Z]{3,}|[*…]/.test(path.basename(name)) || exists(name)
  assert.deepEqual(unknownNames(new RegExp(`\`((?:${roots})/[^\`\\s]*)\``, 'g'), isKnown), [])
})

test('npm scripts that documents name exist', () => {
  assert.deepEqual(
    unknownNames(/\bnpm run ([a-z:]+)/g, (name) => scripts.includes(name)),
    [],
  )
})

test('commands of sentrypeer that documents name exist', () => {
  const known = new Set([...COMMANDS.map(({ name }) => name), 'help'])
  assert.deepEqual(
    unknownNames(/(?:`|^\s*(?:\$ )?(?:npx )?)sentrypeer ([a-z]+)\b/gm, (name) => known.has(name)),
    [],
  )
})

/** The long flags of a command and of those below it. */
function flagsOf(command: Command): string[] {
  const own = command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? [])
  return [...own, ...command.commands.flatMap(flagsOf)]
}

test('docs/cli.md has a section for every command, and in it every flag', async () => {
  const nowhere = { write: () => true }
  const { signal } = new AbortController()
  const context = { env: {}, stdout: nowhere, stderr: nowhere, now: () => 0, notices: [], setExitCode: () => {} }
  const program = await buildProgram({ ...context, interrupted: signal, outputClosed: signal })
  const sections = new Map(
    read('docs/cli.md')
      .split('\n## ')
      .map((text) => [text.split('\n')[0]!, text]),
  )
  const missing = program.commands.flatMap((command) => {
    const section = sections.get(`sentrypeer ${command.name()}`) ?? ''
    if (section === '') return [command.name()]
    return flagsOf(command)
      .filter((flag) => !section.includes(`\`${flag}`))
      .map((flag) => `${command.name()} ${flag}`)
  })
  assert.deepEqual(missing, [])
})

test('variables that documents name exist', () => {
  const ours = ['NO_SKIP', 'FETCH_NODE', 'URL', 'API_KEY', 'CONFIG_FILE'].map((name) => `SENTRYPEER_${name}`)
  const known = new Set([...ours, ...ORIGINAL_VARIABLES, ...configTable().map(({ environment }) => environment)])
  const isKnown = (name: string): boolean => known.has(name) || name.endsWith('_')
  assert.deepEqual(unknownNames(/\b(SENTRYPEER_[A-Z_]*)/g, isKnown), [])
})

test('the pages to be read first stay short', () => {
  const lineCount = (file: string): number => read(file).split('\n').length - 1
  assert(lineCount('docs/ARCHITECTURE.md') <= 150)
  assert(lineCount('AGENTS.md') <= 60)
})
