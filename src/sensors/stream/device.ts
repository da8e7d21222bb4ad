// SPDX-License-Identifier: GPL-2.0-only OR GPL-3.0-only

/** What the device that the sensor claims to be shows of itself below SIP. */
export const DEVICE = {
  commonName: 'pbx', // of the certificate that it made for itself
  httpServer: 'Asterisk/16.28.0',
} as const
