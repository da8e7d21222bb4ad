// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// What comes in with npm: licences, install scripts, reasons, and a lock file that npm ci accepts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read } from './support/source.ts'

type LockedPackage = {
  readonly version?: string
  readonly license?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly peerDependencies?: Record<string, string>
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>
}

const LICENCES = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'MIT-0', 'CC0-1.0'])

const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = JSON.parse(
  read('package.json'),
)
const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'))
const running = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)

/** Whether an SPDX expression leaves us a choice that is allowed: any side of OR, every side of AND. */
function mayBeUsed(expression = ''): boolean {
  const text = expression.replace(/^\((.*)\)$/, '$1')
  if (/[()]/.test(text)) return false // nested: somebody should look at it
  return text.split(' OR ').some((side) => side.split(' AND ').every((name) => LICENCES.has(name.trim())))
}

test('mayBeUsed() reads SPDX expressions', () => {
  for (const good of ['MIT', 'MIT OR Apache-2.0', '(MIT OR CC0-1.0)', 'MIT AND ISC']) assert(mayBeUsed(good), good)
  for (const bad of ['', 'Apache-2.0', 'MIT AND Apache-2.0', 'BlueOak-1.0.0', 'GPL-3.0', 'SEE LICENSE'])
    assert(!mayBeUsed(bad), bad)
})

test('everything a running node uses has a licence that fits ours', () => {
  const breaches = running.filter(([, { license }]) => !mayBeUsed(license))
  assert.deepEqual(
    breaches.map(([path, { license }]) => `${path}: ${license}`),
    [],
  )
})

test('nothing that a running node uses has an install script', () => {
  assert.deepEqual(
    running.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path),
    [],
  )
})

test('docs/DEPENDENCIES.md has a row for every direct dependency, and for nothing else', () => {
  const [runtime, development] = read('docs/DEPENDENCIES.md').split('\n## ').slice(1)
  const rows = (section: string): string[] => [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name!).sort()
  assert.deepEqual(rows(runtime!), Object.keys(manifest.dependencies).sort())
  assert.deepEqual(rows(development!), Object.keys(manifest.devDependencies).sort())
})

test('dependencies are pinned to one version, the one of the lock file', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name)
    assert.equal(packages[`node_modules/${name}`]?.version, version, name)
  }
})

/** Where Node would find a package from another: in its own node_modules, or in those above. */
function isLocked(from: string, name: string): boolean {
  for (let base = from; ; base = base.slice(0, base.lastIndexOf('/node_modules/'))) {
    if (packages[`${base === '' ? '' : `${base}/`}node_modules/${name}`] !== undefined) return true
    if (!base.includes('/node_modules/')) return packages[`node_modules/${name}`] !== undefined
  }
}

test('the lock file names everything that its packages ask for, or npm ci refuses it', () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) => {
    const peers = Object.keys(entry.peerDependencies ?? {}).filter((n) => !entry.peerDependenciesMeta?.[n]?.optional)
    const names = [...Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }), ...peers]
    return names.filter((name) => !isLocked(path, name)).map((name) => `${path} asks for ${name}`)
  })
  assert.deepEqual(missing, [])
})
