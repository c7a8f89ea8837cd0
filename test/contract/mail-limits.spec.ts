import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  expectProblem,
  startGateway,
} from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';

const createdSchema = z.looseObject({ id: z.string() });

describe('invites over time', () => {
  let gateway: Gateway;
  let orgs: OrgCaller;

  beforeAll(async () => {
    // Nothing listens there: what counts is what would have been sent.
    gateway = await startGateway({
      RATE_LIMIT: 'true',
      SMTP_URL: 'smtp://127.0.0.1:9/?disable_starttls=true',
      TRUST_PROXY: 'loopback',
    });
    orgs = new OrgCaller(gateway);
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  const from = (host: number): Record<string, string> => ({ 'x-forwarded-for': `203.0.113.${host}` });

  async function owner(): Promise<{ session: HeldSession; path: string }> {
    const session = await gateway.session();
    return { session, path: `/api/v1/orgs/${(await orgs.make(session)).id}/invites` };
  }

  /** From now on, the user's address isn't verified. */
  async function losesProof({ user }: HeldSession): Promise<void> {
    await gateway.app
      .get(Database, { strict: false })
      .query.updateTable('users')
      .set({ email_verified: 0 })
      .where('id', '=', user.id)
      .execute();
  }

  /** Makes an invite and revokes it at once. */
  async function cannon(
    { session, path }: { readonly session: HeldSession; readonly path: string },
    host: number,
    email?: string,
  ): Promise<GatewayAnswer> {
    const made = await orgs.call(session, `POST ${path}`, email === undefined ? {} : { email }, from(host));
    if (made.status === 201) {
      const { id } = createdSchema.parse(made.json());
      const revoked = await orgs.call(session, `DELETE ${path}/${id}`);
      if (revoked.status !== 204) {
        throw new Error(`an invite was not revoked: ${revoked.status}`);
      }
    }
    return made;
  }

  it('60 to one mailbox, each revoked at once, by many senders: five are made in a day [L25]', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const sender = await owner();
      for (let index = 0; index < 20; index += 1) {
        const email = index % 2 === 0 ? 'target@example.org' : ' Target@Example.ORG';
        statuses.push((await cannon(sender, round * 20 + index + 1, email)).status);
      }
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(55);
  });

  it('60 to as many mailboxes by one sender from many addresses: 50 are made in an hour, and links count too [L25]', async () => {
    const sender = await owner();
    const statuses: number[] = [];
    for (let index = 0; index < 60; index += 1) {
      const email = index < 40 ? `guest${index}@example.org` : undefined;
      statuses.push((await cannon(sender, index + 100, email)).status);
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(50);
    const refused = await cannon(sender, 7);
    expectProblem(refused, 429, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await cannon(await owner(), 7)).status).toBe(201);
  });

  it('an invite that is refused costs its mailbox nothing', async () => {
    const { path } = await owner();
    const outsider = await gateway.session();
    for (let index = 0; index < 10; index += 1) {
      const answer = await orgs.call(outsider, `POST ${path}`, { email: 'spared@example.org' }, from(200));
      expectProblem(answer, 404, 'not_found');
    }
    expect((await cannon(await owner(), 201, 'spared@example.org')).status).toBe(201);
  });

  it('only who has a verified address can have one mailed; a link takes none [L25]', async () => {
    const sender = await owner();
    await losesProof(sender.session);
    expectProblem(await cannon(sender, 202, 'guest@example.com'), 403, 'email_unverified');
    expect((await cannon(sender, 202)).status).toBe(201);
  });

  it('an API key has them mailed as long as its maker has a verified address', async () => {
    const { session, path } = await owner();
    const key = await orgs.call(session, `POST ${path.replace('invites', 'api-keys')}`, {
      name: 'Robot',
      scope: 'orgs:write',
      role: 'admin',
    });
    const { key: value } = z.looseObject({ key: z.string() }).parse(key.json());
    const send = (email: string): Promise<GatewayAnswer> =>
      gateway.request(path, {
        method: 'POST',
        headers: { 'x-api-key': value, 'content-type': 'application/json', ...from(203) },
        body: JSON.stringify({ email }),
      });
    expect((await send('one@example.com')).status).toBe(201);
    await losesProof(session);
    expectProblem(await send('two@example.com'), 403, 'email_unverified');
  });

  it('the API keys of one organisation send 50 together in an hour [L25]', async () => {
    const { session, path } = await owner();
    const keys: string[] = [];
    for (const name of ['One', 'Other']) {
      const made = await orgs.call(session, `POST ${path.replace('invites', 'api-keys')}`, {
        name,
        scope: 'orgs:write',
        role: 'admin',
      });
      keys.push(z.looseObject({ key: z.string() }).parse(made.json()).key);
    }
    const statuses: number[] = [];
    for (let index = 0; index < 52; index += 1) {
      const answer = await gateway.request(path, {
        method: 'POST',
        headers: { 'x-api-key': keys[index % 2] ?? '', 'content-type': 'application/json', ...from(204) },
        body: '{}',
      });
      statuses.push(answer.status);
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(50);
    expect(statuses.slice(50)).toEqual([429, 429]);
  });
});
