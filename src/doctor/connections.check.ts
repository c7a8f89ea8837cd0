import type { OryConfiguration } from '../platform/config/configuration.js';
import { english } from '../platform/i18n/locales/en.js';
import { Clock } from '../platform/time/clock.service.js';
import { UpstreamCalls } from '../platform/upstream/upstream.calls.js';
import { connectionOf } from '../providers/ory/connections/connection.js';
import { testConnection } from '../providers/ory/connections/owned/org-connection.administration.js';
import type { Check } from './check.port.js';

/** Tries the deployment's connections out, step by step, as an organisation's owner does with theirs. */
export const connectionsCheck: Check<OryConfiguration> = {
  name: 'connections',
  isCheap: false,
  run: async ({ CONNECTIONS, PUBLIC_URL }) => {
    const parts = { publicUrl: PUBLIC_URL, clock: new Clock(), calls: UpstreamCalls.unobserved() };
    const found = await Promise.all(
      CONNECTIONS.map(async (settings) => {
        const steps = await testConnection(connectionOf(settings, parts), PUBLIC_URL, undefined);
        return steps.map((step) => ({ ...step, id: settings.id }));
      }),
    );
    return found.flat().flatMap(({ id, target, fault }) =>
      fault === null
        ? []
        : [
            {
              code: 'connection_fails',
              detail: `${id}, ${target}: ${english[`connection.fault.${fault}`]}`,
            } as const,
          ],
    );
  },
};
