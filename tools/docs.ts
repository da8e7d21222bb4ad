// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// Writes the generated documents; with --check it only says which of them are out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DOCUMENTS } from './documents.ts'

const ROOT = path.dirname(import.meta.dirname)

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const isCheck = process.argv.includes('--check')
for (const document of DOCUMENTS) {
  const file = path.join(ROOT, document.path)
  const text = await document.generate()
  if (readIfThere(file) === text) continue
  if (isCheck) {
    process.stdout.write(`${document.path} is out of date: run npm run docs\n`)
    process.exitCode = 1
  } else {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
    process.stdout.write(`wrote ${document.path}\n`)
  }
}
