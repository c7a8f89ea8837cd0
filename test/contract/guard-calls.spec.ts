import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OryBootstrap } from '../../src/providers/ory/ory-bootstrap.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type CountingServer, recordStatements, startCountingServer } from '../support/call.counter.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

let kratos: CountingServer;
let hydra: CountingServer;
let gateway: Gateway;
let statements: string[];

/** Revocations and signing keys are read every few seconds, whatever the traffic. */
const poll =
  /^select \* from "(?:revocations" where "recorded_at" >= \?|signing_keys" order by "created_at"$|signal_keys" order by "generation" desc$|signal_streams" where "method" = \?)/;
/** What earlier acts left to be written down. */
const trail = /^insert into "audit_events"/;

beforeAll(async () => {
  kratos = await startCountingServer();
  hydra = await startCountingServer();
  gateway = await startGateway({
    KRATOS_PUBLIC_URL: kratos.url,
    KRATOS_ADMIN_URL: kratos.url,
    HYDRA_PUBLIC_URL: hydra.url,
    HYDRA_ADMIN_URL: hydra.url,
  });
  const bootstrap = gateway.app.get(OryBootstrap, { strict: false });
  await waitUntil(() => {
    try {
      bootstrap.requireDone();
      return true;
    } catch {
      return false;
    }
  }, 'the bootstrap to be done');
  statements = recordStatements(gateway.app.get(Database, { strict: false }));
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
  await hydra?.stop();
});

/** What 40 requests to each path cost beyond this process. */
async function costOf(
  paths: readonly string[],
  headers: Readonly<Record<string, string>>,
): Promise<{ statuses: number[]; calls: string[]; queries: string[] }> {
  const [kratosBefore, hydraBefore, before] = [
    kratos.requests.length,
    hydra.requests.length,
    statements.length,
  ];
  const statuses = new Set<number>();
  for (let index = 0; index < 40; index += 1) {
    for (const path of paths) {
      statuses.add((await gateway.request(path, { headers })).status);
    }
  }
  return {
    statuses: [...statuses],
    calls: [...kratos.requests.slice(kratosBefore), ...hydra.requests.slice(hydraBefore)],
    queries: statements.slice(before).filter((statement) => !poll.test(statement) && !trail.test(statement)),
  };
}

const guarded = ['/api/v1/me', '/auth/session'];

describe('a guarded request', () => {
  it('the recorder sees statements and calls when there are some', async () => {
    const before = [statements.length, kratos.requests.length];
    await gateway.session();
    await gateway.request('/health/ready');
    expect(statements.length).toBeGreaterThan(before[0] ?? 0);
    expect(kratos.requests.length).toBeGreaterThan(before[1] ?? 0);
    await waitUntil(() => statements.some((statement) => poll.test(statement)), 'the revocation feed');
  });

  it('with a cookie asks neither Kratos, nor Hydra, nor the database', async () => {
    const { cookie } = await gateway.session();
    expect(await costOf(guarded, { cookie })).toEqual({ statuses: [200], calls: [], queries: [] });
  });

  it('with a bearer token asks nobody', async () => {
    const { bearer } = await gateway.session();
    expect(await costOf(guarded, { authorization: bearer })).toEqual({
      statuses: [200],
      calls: [],
      queries: [],
    });
  });

  it('that is refused asks nobody either: none, unreadable, and ended sessions', async () => {
    const { cookie, bearer } = await gateway.session();
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    for (const headers of [
      {},
      { cookie: `${gateway.cookieName}=x` },
      { cookie },
      { authorization: bearer },
    ]) {
      expect(await costOf(['/api/v1/me'], headers)).toEqual({ statuses: [401], calls: [], queries: [] });
    }
  });

  it('of a session that was ended in this process is refused at once, by cookie and by bearer', async () => {
    const { cookie, bearer } = await gateway.session();
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await gateway.request('/api/v1/me', { headers })).status;
    expect([await status({ cookie }), await status({ authorization: bearer })]).toEqual([200, 200]);
    await gateway.request('/auth/logout', { method: 'POST', headers: { authorization: bearer } });
    expect([await status({ cookie }), await status({ authorization: bearer })]).toEqual([401, 401]);
  });
});
