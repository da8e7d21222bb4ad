// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import { readdirSync, readFileSync } from 'node:fs'

/** What a vector's JSON says should be found in its bytes. */
export type ExpectedMessage = {
  readonly about: string
  readonly kind: 'request' | 'response' | 'non-sip'
  readonly method?: string
  readonly requestUri?: string
  readonly status?: number | null
  readonly complete?: boolean
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly bodySize?: number
  readonly calledNumbers: readonly { readonly from: 'request-uri' | 'to'; readonly raw: string }[]
  readonly defects: readonly string[] // sorted
  readonly frames: readonly string[] // what a stream of these bytes is cut into; `bad` with its reason
}

export type SipVector = { readonly name: string; readonly bytes: Buffer; readonly expected: ExpectedMessage }

const FOLDER = new URL('../vectors/sip/', import.meta.url)

/** All vectors of a folder, by name. */
export function readSipVectors(folder = FOLDER): SipVector[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sip'))
    .sort()
    .map((file) => ({
      name: file.slice(0, -'.sip'.length),
      bytes: readFileSync(new URL(file, folder)),
      expected: JSON.parse(readFileSync(new URL(file.replace(/\.sip$/, '.json'), folder), 'utf8')),
    }))
}
