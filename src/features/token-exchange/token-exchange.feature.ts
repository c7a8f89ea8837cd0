import { defineFeature } from '../../platform/features/feature.js';
import { tokenExchangeEvents } from './token-exchange-audit-events.js';

/** The gateway's token endpoint: tokens for those who hold another token, an API key or a session (RFC 8693). */
export const tokenExchange = defineFeature({
  name: 'token-exchange',
  prefixes: ['token'],
  auditEvents: tokenExchangeEvents,
  module: async () => (await import('./token-exchange.module.js')).TokenExchangeModule,
});
