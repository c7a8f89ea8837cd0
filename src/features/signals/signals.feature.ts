import { defineFeature } from '../../platform/features/feature.js';
import { signalKeys } from './signal-keys.migration.js';
import { SignalDatabase } from './signal.schema.js';
import { signalSettings } from './signal.settings.js';

/** Streams of security events to other systems, and signals from the login provider that end sessions (OpenID Shared Signals). */
export const signals = defineFeature({
  name: 'signals',
  prefixes: ['signal'],
  settings: signalSettings,
  contradictions: ({ SIGNAL_TRANSMITTERS }, { AUTH_PROVIDER }) =>
    SIGNAL_TRANSMITTERS.length > 0 && AUTH_PROVIDER === 'ory'
      ? ['SIGNAL_TRANSMITTERS: must not be set with AUTH_PROVIDER=ory, where no transmitter knows the users']
      : [],
  hosts: ({ SIGNAL_TRANSMITTERS, SIGNAL_PUSH_HOSTS }) => [
    ...SIGNAL_TRANSMITTERS.map((url) => ['SIGNAL_TRANSMITTERS', url] as const),
    ...SIGNAL_PUSH_HOSTS.map((host) => ['SIGNAL_PUSH_HOSTS', `https://${host}`] as const),
  ],
  tables: ['signal_streams', 'signal_receipts', 'signal_keys'],
  database: SignalDatabase,
  migrations: { '0001-keys': signalKeys },
  groups: {
    signals: 'Streams of security events for other systems (OpenID Shared Signals Framework 1.0).',
  },
  commands: async () => (await import('./signals.program.js')).addSignalKeys,
  module: async () => (await import('./signals.module.js')).SignalsModule,
});
