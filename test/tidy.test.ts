// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What must be true of all sources: who imports whom, what is pure, and small things that rot unseen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, files, type Import, importsOf, read, resolveImport } from './support/source.ts'

const isTest = (file: string): boolean => file.endsWith('.test.ts')
const sources = files('src/**/*.ts').filter((file) => !isTest(file))

type Allowed = { readonly name: string; readonly types: boolean; readonly only: readonly string[] }
type Rule = { readonly folder: string; readonly imports: readonly Allowed[]; readonly packages: readonly Allowed[] }

/** A cell of the table: names in code spans, each with conditions in brackets. */
function parseCell(cell: string): Allowed[] {
  if (cell === 'everything') return [{ name: '*', types: false, only: [] }]
  if (cell === 'nothing' || cell === 'none') return []
  return [...cell.matchAll(/`([^`]+)`(?: \(([^)]*)\))?/g)].map(([, name, conditions = '']) => ({
    name: name!,
    types: /\btypes\b/.test(conditions),
    only: [...conditions.matchAll(/`([^`]+)`/g)].map(([, file]) => `src/${file}`),
  }))
}

function readRules(): Rule[] {
  const section = read('docs/ARCHITECTURE.md').split('## Who may import whom')[1]!.split('\n## ')[0]!
  const rows = section.split('\n').filter((line) => /^\| `/.test(line))
  return rows.map((row) => {
    const [folder, imports, packages] = row.split('|').slice(1, -1)
    return {
      folder: folder!.trim().replaceAll('`', ''),
      imports: parseCell(imports!.trim()),
      packages: parseCell(packages!.trim()),
    }
  })
}

const rules = readRules()

/** 'src/store/types.ts' -> 'store', 'src/config.ts' -> 'config.ts' */
const folderOf = (file: string): string => file.split('/')[1]!

const covers = (name: string, target: string): boolean =>
  name === '*' || target === name || target.startsWith(`${name}/`) || (name === 'node:*' && target.startsWith('node:'))

function isAllowed(allowed: readonly Allowed[], file: string, target: string, { isType }: Import): boolean {
  return allowed.some(({ name, types, only }) => {
    if (!covers(name, target)) return false
    return (!types && only.length === 0) || (types && isType) || only.includes(file)
  })
}

test('the table of imports in ARCHITECTURE.md has a row for every folder and file of src/', () => {
  assert.deepEqual(
    [...new Set(sources.map(folderOf))].filter((name) => !rules.some(({ folder }) => folder === name)),
    [],
  )
})

test('sources import only what the table in ARCHITECTURE.md allows', () => {
  const breaches: string[] = []
  for (const file of sources) {
    const rule = rules.find(({ folder }) => folder === folderOf(file))
    for (const found of importsOf(read(file))) {
      const local = resolveImport(file, found.specifier)
      const target = local?.slice('src/'.length) ?? found.specifier
      const isOwn = local !== null && folderOf(local) === folderOf(file) && target.includes('/')
      const allowed = local === null ? rule?.packages : rule?.imports
      if (!isOwn && !isAllowed(allowed ?? [], file, target, found)) breaches.push(`${file} imports ${target}`)
    }
  }
  assert.deepEqual(breaches, [])
})

const IMPURE: readonly [what: string, pattern: RegExp][] = [
  ['the clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\b|\bprocess\.hrtime\b/],
  ['chance', /\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b/],
  ['the process', /\bprocess\./],
  ['timers', /\bset(Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ['the network', /\bfetch\(|\bWebSocket\b/],
  ['the console', /\bconsole\./],
]

test('core and wire know neither clock nor chance nor process', () => {
  const breaches: string[] = []
  for (const file of sources.filter((name) => /^src\/(core|wire)\//.test(name))) {
    const code = codeOf(read(file))
    for (const [what, pattern] of IMPURE) if (pattern.test(code)) breaches.push(`${file} uses ${what}`)
  }
  assert.deepEqual(breaches, [])
})

test('every source begins with its licence', () => {
  const all = files('{src,test,tools,sdk}/**/*.{ts,mts,cts,js,cjs,mjs,svelte,py,go}', 'bin/**/*.cjs', '.ci/*')
  const named = all.filter((file) => !file.includes('/vectors/'))
  const missing = named.filter((file) => {
    const licence = file.startsWith('sdk/') ? 'MIT' : 'GPL-2.0-only OR GPL-3.0-only'
    return !read(file)
      .split('\n', 3)
      .some((line) => line.endsWith(`SPDX-License-Identifier: ${licence}`))
  })
  assert.deepEqual(missing, [])
})

test('nothing is exported by default or wholesale', () => {
  const breaches = files('{src,test,tools,sdk}/**/*.ts').filter((file) =>
    /^export (default\b|\*)|^export \{[^}]*\bas default\b/m.test(codeOf(read(file))),
  )
  assert.deepEqual(breaches, [])
})

/** What loading a file loads: not types, and not what is imported while running. */
function loadedBy(file: string): string[] {
  return importsOf(read(file))
    .filter(({ isType, isDynamic }) => !isType && !isDynamic)
    .flatMap(({ specifier }) => resolveImport(file, specifier) ?? [])
}

test('no imports go round in a circle', () => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    else if (!done.has(file)) for (const next of loadedBy(file)) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of sources) visit(file, [])
  assert.deepEqual(circles, [])
})

test('every file under src/ is part of the program; helpers of tests lie under test/support/', () => {
  const used = new Set<string>()
  const visit = (file: string): void => {
    if (used.has(file)) return
    used.add(file)
    for (const { specifier } of importsOf(read(file))) {
      const target = resolveImport(file, specifier)
      if (target !== null) visit(target)
    }
  }
  for (const root of ['src/cli/main.ts', 'src/index.ts', ...sources.filter((file) => file.endsWith('-worker.ts'))])
    if (sources.includes(root)) visit(root)
  assert.deepEqual(
    sources.filter((file) => !used.has(file)),
    [],
  )
})

test('codeOf() blanks comments, strings and regular expressions, and nothing else', () => {
  const cases = {
    'a // Date.now\nb': 'a            \nb',
    "x = 'sip://process.' + y": 'x =                  + y',
    'f(/[/"]fetch/g, z)': 'f(           g, z)',
    'n = a / b / c': 'n = a / b / c',
    'p /* console.\n */ q': 'p            \n    q',
  }
  for (const [text, code] of Object.entries(cases)) assert.equal(codeOf(text), code)
})
