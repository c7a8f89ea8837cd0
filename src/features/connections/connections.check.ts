import type { CoreSettings, FeatureFinding } from '../../platform/features/feature.js';
import { english } from '../../platform/i18n/locales/en.js';
import { Clock } from '../../platform/time/clock.service.js';
import { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { connectionOf } from './connection.js';
import { ConnectionKinds } from './connection-kinds.js';
import { testConnection } from './owned/org-connection-administration.js';

const findings = {
  fails: {
    code: 'connection_fails',
    severity: 'error',
    title: 'A connection does not work: its users can’t log in',
    fix: 'Correct `CONNECTIONS` or what the detail names, and restart; docs/connections.md has the settings.',
  },
  serverFails: {
    code: 'connection_server_fails',
    severity: 'warning',
    title: 'A server of a connection does not work; the others are used',
    fix: 'Correct `servers` in `CONNECTIONS` or what the detail names, and restart.',
  },
} as const;

/** Tries the deployment's connections out, step by step, as an organisation's owner does with theirs. */
export async function tryConnections(core: CoreSettings): Promise<readonly FeatureFinding[]> {
  const { CONNECTIONS = [], PUBLIC_URL, SESSION_UNCONFIRMED_TTL: unconfirmedLife } = core;
  const kinds = await ConnectionKinds.load(core);
  const calls = UpstreamCalls.unobserved();
  const parts = { kinds, publicUrl: PUBLIC_URL, clock: new Clock(), calls, unconfirmedLife };
  const found = await Promise.all(
    CONNECTIONS.map(async (settings) => {
      const steps = await testConnection(connectionOf(settings, parts), PUBLIC_URL, undefined);
      return findingsOf(settings.id, steps);
    }),
  );
  return found.flat();
}

/** One finding for each fault, with the servers that have it. A directory is tried server by server, and one that works is enough. */
function findingsOf(
  id: string,
  steps: Awaited<ReturnType<typeof testConnection>>,
): readonly FeatureFinding[] {
  const isServed = steps.some(({ step, fault }) => step === 'base' && fault === null);
  const faults = new Set(steps.flatMap(({ fault }) => fault ?? []));
  return [...faults].map((fault) => {
    const targets = new Set(
      steps
        .filter((step) => step.fault === fault)
        .map(({ target, found }) => (found === undefined ? target : `${target} (${found})`)),
    );
    return {
      ...(isServed ? findings.serverFails : findings.fails),
      detail: `${id}, ${[...targets].join(', ')}: ${english[`connection.fault.${fault}`]}`,
    };
  });
}
