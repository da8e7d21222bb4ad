// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
import type { App } from './deps.ts'

/** Which methods each path takes, as routes are added: for the Allow header of a 405 (RFC 9110 §15.5.6). */
export function collectMethods(app: App): (path: string) => string[] {
  const routes: { pattern: RegExp; methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const source = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-zA-Z]+/g, '[^/]*')
    routes.push({ pattern: new RegExp(`^${source}$`), methods: typeof method === 'string' ? [method] : method })
  })
  return (path) => [...new Set(routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))].sort()
}
