// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only
// The personas that come with the program, for tests.
import { loadPersona, personaNames } from '../../src/config/personas.ts'
import type { Persona } from '../../src/sensors/uas/persona.ts'

export const ASTERISK_CHAN_SIP = loadPersona('asterisk-chan-sip')
export const FREESWITCH = loadPersona('freeswitch')
export const PERSONAS: readonly Persona[] = personaNames().map(loadPersona)
