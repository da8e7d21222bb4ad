// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { buildProgram } from './cli.ts'
import { EXIT } from './context.ts'
import { translateOriginalFlags } from './original-flags.ts'

const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
const never = new AbortController().signal
const nowhere = { write: () => true }
const program = await buildProgram({
  env: {},
  stdout: nowhere,
  stderr: nowhere,
  now: () => 0,
  interrupted: never,
  outputClosed: never,
  notices: [],
  setExitCode: () => {},
})

function sectionOf(name: string): string {
  const section = text.split(/^## /m).find((part) => part.startsWith(`sentrypeer ${name}\n`))
  assert(section !== undefined, `docs/cli.md has no section "sentrypeer ${name}"`)
  return section
}

/** Long options of a command and of the commands under it; --help is made by commander. */
function optionsOf(command: Command): Set<string> {
  const own = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long!)
  return new Set([...own, '--help', ...command.commands.flatMap((child) => [...optionsOf(child)])])
}

describe('docs/cli.md', () => {
  for (const command of program.commands) {
    const name = command.name()
    if (name === 'help') continue
    test(`names every option of ${name}, and no other`, () => {
      const flags = sectionOf(name).matchAll(/^\| `(--[a-z-]+)/gm)
      assert.deepEqual(new Set(Array.from(flags, ([, flag]) => flag!)), optionsOf(command))
    })
    test(`shows examples of ${name} that are real`, () => {
      const examples = Array.from(
        sectionOf(name).matchAll(/^(?:[A-Z_]+=\S+ )?sentrypeer (.*)$/gm),
        ([, words]) => words!,
      )
      assert(examples.length > 0)
      for (const example of examples) {
        const used = Array.from(example.matchAll(/ (--[a-z-]+)/g), ([, flag]) => flag!)
        for (const flag of used) assert(optionsOf(command).has(flag), `${example}: ${flag}`)
      }
    })
    test(`lists ${name} among the commands`, () => assert(text.includes(`| [\`${name}\`](#sentrypeer-${name}) |`)))
    for (const child of command.commands) {
      test(`describes ${name} ${child.name()}`, () => assert(sectionOf(name).includes(`| \`${name} ${child.name()}`)))
    }
  }

  test('names every exit code', () => {
    for (const code of Object.values(EXIT)) assert.match(text, new RegExp(`^\\| ${code} \\| `, 'm'))
  })

  test('names every flag of the original, and what it says is what happens', () => {
    const section = text.slice(text.indexOf('### Flags and variables of the original'))
    for (const letter of 'farRsjlpbwictkzgNvdhV') {
      const row = section.split('\n').find((line) => line.startsWith('|') && line.includes(`\`-${letter}`))
      assert(row !== undefined, `-${letter}`)
      const { argv, notices } = translateOriginalFlags(['-r', `-${letter}`, 'VALUE'])
      if (row.includes('no effect')) assert(notices.some((notice) => notice.startsWith(`-${letter}: has no effect`)))
      const flag = /\| `(--[a-z-]+)/.exec(row)?.[1]
      if (flag !== undefined) assert(argv.includes(flag), `-${letter} is ${argv.join(' ')}`)
    }
  })
})
