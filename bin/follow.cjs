// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
'use strict'
// Loaded by the launcher into the task before anything else. The task runs in a process group of its own (so that
// Ctrl-C reaches it once), which also means that nobody would stop it if the launcher were killed: the pipe at this
// descriptor closes then, and the task ends as if asked to.
const fd = process.env.SENTRYPEER_LAUNCHER_FD
delete process.env.SENTRYPEER_LAUNCHER_FD // not for the task's own children
if (fd !== undefined) {
  const { Socket } = require('node:net')
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false })
  pipe.on('error', () => pipe.destroy()) // 'close' follows
  pipe.on('close', () => process.kill(-process.pid, 'SIGTERM')) // the whole group
  pipe.resume()
  pipe.unref()
}
