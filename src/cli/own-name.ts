// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

const INSTALLED = 'sentrypeer'
const IN_CHECKOUT = 'npm run -s cli --'

/** The scripts of package.json that run the command line; npm names the one it runs, and the package. */
const SCRIPTS = new Set(['start', 'cli', 'dev'])

/** The name with words behind it, as it is typed: no path, no host, and not the "sentrypeer:" before an error. */
const TYPED = /(?<![\w/.-])sentrypeer (?=[\w[-])/g

/** Text that tells what to type, in the words that work where this program was started: a checkout has no `sentrypeer`. */
export function asTyped(text: string, env: NodeJS.ProcessEnv): string {
  const { npm_package_name: npmPackage, npm_lifecycle_event: script = '' } = env
  if (npmPackage !== INSTALLED || !SCRIPTS.has(script)) return text
  return text.replace(TYPED, `${IN_CHECKOUT} `)
}
