import { defineFeature } from '../../platform/features/feature.js';
import { deviceLoginEvents } from './device-audit-events.js';
import { DeviceDatabase } from './device.schema.js';
import { deviceTexts } from './device-texts.js';
import { deviceLogins } from './device-logins.migration.js';

/** Logins on devices without a browser (RFC 8628): the user enters the device's code on another device. With Ory, also to applications. */
export const deviceLogin = defineFeature({
  name: 'device-login',
  prefixes: ['device'],
  tables: ['device_logins'],
  database: DeviceDatabase,
  migrations: { '0001-first': deviceLogins },
  auditEvents: deviceLoginEvents,
  texts: deviceTexts,
  module: async () => (await import('./device-login.module.js')).DeviceLoginModule,
});
