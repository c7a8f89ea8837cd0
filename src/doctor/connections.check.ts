import type { OryConfiguration } from '../platform/config/configuration.js';
import { english } from '../platform/i18n/locales/en.js';
import { Clock } from '../platform/time/clock.service.js';
import { UpstreamCalls } from '../platform/upstream/upstream-calls.js';
import { connectionOf } from '../providers/ory/connections/connection.js';
import { ConnectionKinds } from '../providers/ory/connections/connection-kinds.js';
import { testConnection } from '../providers/ory/connections/owned/org-connection-administration.js';
import type { Check, Observation } from './check.port.js';

/** Tries the deployment's connections out, step by step, as an organisation's owner does with theirs. */
export const connectionsCheck: Check<OryConfiguration> = {
  name: 'connections',
  isCheap: false,
  run: async (configuration) => {
    const { CONNECTIONS, PUBLIC_URL, SESSION_UNCONFIRMED_TTL: unconfirmedLife } = configuration;
    const kinds = await ConnectionKinds.load(configuration);
    const calls = UpstreamCalls.unobserved();
    const parts = { kinds, publicUrl: PUBLIC_URL, clock: new Clock(), calls, unconfirmedLife };
    const found = await Promise.all(
      CONNECTIONS.map(async (settings) => {
        const steps = await testConnection(connectionOf(settings, parts), PUBLIC_URL, undefined);
        return findingsOf(settings.id, steps);
      }),
    );
    return found.flat();
  },
};

/** One finding for each fault, with the servers that have it. A directory is tried server by server, and one that works is enough. */
function findingsOf(id: string, steps: Awaited<ReturnType<typeof testConnection>>): readonly Observation[] {
  const isServed = steps.some(({ step, fault }) => step === 'base' && fault === null);
  const faults = new Set(steps.flatMap(({ fault }) => fault ?? []));
  return [...faults].map((fault) => {
    const targets = new Set(
      steps
        .filter((step) => step.fault === fault)
        .map(({ target, found }) => (found === undefined ? target : `${target} (${found})`)),
    );
    return {
      code: isServed ? 'connection_server_fails' : 'connection_fails',
      detail: `${id}, ${[...targets].join(', ')}: ${english[`connection.fault.${fault}`]}`,
    };
  });
}
