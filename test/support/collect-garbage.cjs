// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
'use strict'
// Loaded before everything else into each thread of a node: collects all garbage every few milliseconds, so that memory
// that the system was pointed at and nobody keeps is gone at once.
const v8 = require('node:v8')
const vm = require('node:vm')

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')
setInterval(() => collect(), 3).unref()
