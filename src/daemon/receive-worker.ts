// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The thread that receives datagrams: UDP sensors, which hand what they saw to the store through a ring.
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { DaemonError } from '../core/errors.ts'
import { COUNTER_NAMES } from '../sensors/counters.ts'
import { listenSensors } from '../sensors/sensors.ts'
import type { OpenSensors } from '../sensors/types.ts'
import { createClock } from '../store/clock.ts'
import { collectGarbage } from '../store/garbage.ts'
import { Inlet } from '../store/inlet.ts'
import { ownAddresses } from './_own-addresses.ts'
import type { FromReceiver, ReceiveInit, ToReceiver } from './_receive-messages.ts'

const VECTOR_COUNT_MAX = 200 // packets sent to be kept: more than are kept
const COUNTERS_MS = 25 // how old the counters are that others see

const port = parentPort
if (port === null) throw new Error('This file runs as a thread of a node')
const init = workerData as ReceiveInit
const inlet = new Inlet(init.inlet)
const send = (message: FromReceiver): void => port.postMessage(message)
let vectorCount = 0
const log =
  (level: 'info' | 'warn' | 'error') =>
  (object: object, text: string): void =>
    send({ kind: 'log', level, object, text })

try {
  const sensors = await listenSensors(init.config, {
    now: createClock(init.clockOffset),
    random: (size) => randomBytes(size),
    observe: () => {
      throw new Error('connections belong to the main thread')
    },
    observeDatagram: (datagram) => inlet.add(datagram),
    onBatch: () => inlet.publish(),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    keepVector: (bytes, error) => {
      if (vectorCount++ < VECTOR_COUNT_MAX) send({ kind: 'vector', bytes, error })
    },
    ownAddresses,
  })
  const timer = setInterval(() => tellCounters(sensors), COUNTERS_MS)
  port.on('message', (message: ToReceiver) => {
    if (message === 'share') {
      sensors.share()
      send({ kind: 'shared' })
    } else if (message === 'stop') void stop(sensors, timer)
    else sensors.deal(message.count)
  })
  send({ kind: 'listening', listeners: sensors.listeners })
  collectGarbage() // what comes meanwhile waits in the system
} catch (error) {
  if (error instanceof DaemonError) send({ kind: 'failed', code: error.code, message: error.detail })
  else send({ kind: 'failed', code: null, message: error instanceof Error ? error.message : String(error) })
  init.inlet.doorbell.close()
  port.close()
}

async function stop(sensors: OpenSensors, timer: NodeJS.Timeout): Promise<void> {
  clearInterval(timer)
  await sensors[Symbol.asyncDispose]()
  tellCounters(sensors)
  inlet.publish()
  inlet.tellBusy(0)
  init.inlet.doorbell.close()
  parentPort?.close()
}

function tellCounters(sensors: OpenSensors): void {
  const counters = sensors.counters()
  for (const [index, name] of COUNTER_NAMES.entries()) init.counters[index] = counters[name]
  inlet.tellBusy(sensors.busyShare())
}
