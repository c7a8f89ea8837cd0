import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../platform/core/identifier.js';
import { Database } from '../../../platform/database/database.schema.js';
import { DomainRechecks } from '../../../orgs/domain-rechecks.js';
import { administratorAt } from '../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { DnsServer } from '../../../../test/support/dns.server.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import {
  expectProblem,
  type Gateway,
  type HeldSession,
  startGateway,
} from '../../../../test/support/gateway.js';
import { OrgCaller } from '../../../../test/support/org.caller.js';
import { waitUntil } from '../../../../test/support/stack.js';

const day = 86_400;
const orgSchema = z.looseObject({
  domainRecord: z.object({ name: z.string(), value: z.string() }),
});

interface Claim {
  readonly session: HeldSession;
  readonly domain: string;
  /** Path of the organisation. */
  readonly base: string;
  readonly record: { readonly name: string; readonly value: string };
}

describe.each(databaseKinds)('domains of organisations on %s', (kind) => {
  let dns: DnsServer;
  let database: FreshDatabase;
  let gateway: Gateway;
  let orgs: OrgCaller;
  let call: OrgCaller['call'];

  beforeAll(async () => {
    dns = await DnsServer.start();
    database = await freshDatabase(kind, inject('postgresUrl'));
    // In an air gap, so that it's this server and no other that is asked.
    gateway = await startGateway({
      DATABASE_URL: database.url,
      DNS_SERVERS: dns.address,
      AIR_GAPPED: 'true',
    });
    orgs = new OrgCaller(gateway);
    call = orgs.call;
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
    await dns?.stop();
  });

  /** An organisation that wants the domain of its owner's verified address, and lets everyone of it in. */
  async function claim(domain = `d${newId().slice(-12)}.example`): Promise<Claim> {
    const session = await gateway.session({ email: `${newId()}@${domain}`, emailVerified: true });
    const base = `/api/v1/orgs/${(await orgs.make(session)).id}`;
    const answer = await call(session, `PATCH ${base}`, { domain, joinPolicy: 'domain' });
    expect(answer.json()).toMatchObject({ domain, domainState: 'unconfirmed', domainProof: null });
    return { session, domain, base, record: orgSchema.parse(answer.json()).domainRecord };
  }

  const publish = ({ record: { name, value } }: Claim): unknown =>
    dns.records.set(name, ['v=spf1 -all', value]);
  const check = ({ session, base }: Claim) => call(session, `POST ${base}/domain/check`);
  /** From the database: sessions don't live as long as the clock is shifted here. */
  async function stateOf({ base }: Claim): Promise<'confirmed' | 'unconfirmed'> {
    const { domain } = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('orgs')
      .select('domain')
      .where('id', '=', base.slice(-36))
      .executeTakeFirstOrThrow();
    return domain === null ? 'unconfirmed' : 'confirmed';
  }

  /** How another holder of a verified address of the domain fares. */
  async function joins({ domain, base }: Claim): Promise<boolean> {
    const other = await gateway.session({ email: `${newId()}@${domain}`, emailVerified: true });
    const listed = await call(other, 'GET /api/v1/orgs?joinable=true');
    const { status } = await call(other, `POST ${base}/join`);
    expect(z.looseObject({ items: z.array(z.unknown()) }).parse(listed.json()).items).toHaveLength(
      status === 200 ? 1 : 0,
    );
    return status === 200;
  }

  const recheck = (): Promise<number> => gateway.app.get(DomainRechecks, { strict: false }).recheck();

  async function trail(base: string): Promise<unknown[]> {
    const { query } = gateway.app.get(Database, { strict: false });
    const read = () =>
      query
        .selectFrom('audit_events')
        .select(['type', 'reason', 'actor_credential'])
        .where('org_id', '=', base.slice(-36))
        .where('type', 'in', ['org_domain_confirmed', 'org_domain_lost'])
        .orderBy('id')
        .execute();
    await waitUntil(async () => (await read()).length > 0, 'the trail');
    return read();
  }

  it('one member’s address is not enough: no one joins before the DNS record is there [L24]', async () => {
    const wanted = await claim();
    expect(wanted.record).toEqual({
      name: `_vestibule-challenge.${wanted.domain}`,
      value: `vestibule-org=${wanted.base.slice(-36)}`,
    });
    expect(await joins(wanted)).toBe(false);
    expectProblem(await check(wanted), 409, 'domain_unconfirmed');
    dns.records.set(wanted.record.name, ['vestibule-org=', `${wanted.record.value}0`]);
    expectProblem(await check(wanted), 409, 'domain_unconfirmed');
    expect(await joins(wanted)).toBe(false);
    publish(wanted);
    const confirmed = await check(wanted);
    expect([confirmed.status, confirmed.json()]).toEqual([
      200,
      expect.objectContaining({ domain: wanted.domain, domainState: 'confirmed', domainProof: 'dns' }),
    ]);
    expect(await joins(wanted)).toBe(true);
    expect(await trail(wanted.base)).toEqual([
      { type: 'org_domain_confirmed', reason: 'dns', actor_credential: 'cookie' },
    ]);
  });

  it('the record names one organisation: a rival’s is worth nothing, and takes nothing [L24]', async () => {
    const [wanted, rival] = [await claim('rivals.example'), await claim('rivals.example')];
    publish(wanted);
    expectProblem(await check(rival), 409, 'domain_unconfirmed');
    expect((await check(wanted)).status).toBe(200);
    dns.records.set(wanted.record.name, [wanted.record.value, rival.record.value]);
    expectProblem(await check(rival), 409, 'conflict');
    expect([await stateOf(wanted), await stateOf(rival)]).toEqual(['confirmed', 'unconfirmed']);
    const late = await gateway.session({ email: 'late@rivals.example', emailVerified: true });
    const org = await orgs.make(late);
    const refused = await call(late, `PATCH /api/v1/orgs/${org.id}`, { domain: 'rivals.example' });
    expectProblem(refused, 409, 'conflict');
  });

  it('a domain that a replica of an older version writes during a roll-out is no proof [L24]', async () => {
    const write = async ({ base }: Claim, domain: string): Promise<void> => {
      const { query } = gateway.app.get(Database, { strict: false });
      await query.updateTable('orgs').set({ domain }).where('id', '=', base.slice(-36)).execute();
    };
    const [wanted, proven] = [await claim(), await claim()];
    await write(wanted, wanted.domain);
    expect(await joins(wanted)).toBe(false);
    publish(proven);
    expect((await check(proven)).status).toBe(200);
    const other = { ...proven, domain: `d${newId().slice(-12)}.example` };
    await write(other, other.domain);
    expect(await joins(other)).toBe(false);
  });

  it('another domain has to be confirmed anew, and one that is given up counts no more', async () => {
    const wanted = await claim();
    publish(wanted);
    await check(wanted);
    const given = await call(wanted.session, `PATCH ${wanted.base}`, {
      name: 'Renamed',
      domain: wanted.domain,
    });
    expect(given.json()).toMatchObject({ domainState: 'confirmed' });
    const gone = await call(wanted.session, `PATCH ${wanted.base}`, { domain: null, joinPolicy: 'invite' });
    expect(gone.json()).toMatchObject({ domain: null, domainState: 'none', domainRecord: null });
    const again = await call(wanted.session, `PATCH ${wanted.base}`, {
      domain: wanted.domain,
      joinPolicy: 'domain',
    });
    expect(again.json()).toMatchObject({ domainState: 'unconfirmed' });
    expect(await joins(wanted)).toBe(false);
  });

  it('a record that is gone for three days takes the domain away, one of a silent DNS after thirty [L24]', async () => {
    const [absent, silent, kept] = [await claim(), await claim(), await claim()];
    for (const wanted of [absent, silent, kept]) {
      publish(wanted);
      expect((await check(wanted)).status).toBe(200);
    }
    dns.records.delete(absent.record.name);
    const states = async () => [await stateOf(absent), await stateOf(silent), await stateOf(kept)];
    try {
      gateway.shiftClock(2 * day);
      expect(await recheck()).toBe(0);
      expect(await states()).toEqual(['confirmed', 'confirmed', 'confirmed']);
      const asked = dns.asked.length;
      expect(await recheck()).toBe(0);
      expect(dns.asked.length).toBe(asked);
      gateway.shiftClock(4 * day);
      expect(await recheck()).toBe(1);
      expect(await states()).toEqual(['unconfirmed', 'confirmed', 'confirmed']);
      expect(await joins(absent)).toBe(false);
      dns.isBroken = true;
      gateway.shiftClock(30 * day);
      expect(await recheck()).toBe(0);
      dns.isBroken = false;
      dns.records.delete(silent.record.name);
      publish(kept);
      gateway.shiftClock(40 * day);
      await recheck();
      expect((await states())[2]).toBe('confirmed');
      dns.isBroken = true;
      gateway.shiftClock(71 * day);
      await recheck();
      expect(await states()).toEqual(['unconfirmed', 'unconfirmed', 'unconfirmed']);
    } finally {
      dns.isBroken = false;
      gateway.shiftClock(0);
    }
    // Events are written a moment after what they tell of.
    await expect
      .poll(() => trail(absent.base))
      .toEqual([
        { type: 'org_domain_confirmed', reason: 'dns', actor_credential: 'cookie' },
        { type: 'org_domain_lost', reason: 'dns_record_absent', actor_credential: 'system' },
      ]);
  });

  it('an administrator confirms a domain, by its name, and no one else does', async () => {
    const wanted = await claim();
    const administrator = await administratorAt(gateway);
    const confirm = (session: HeldSession, body: unknown = { domain: wanted.domain }) =>
      call(session, `POST ${wanted.base}/domain/confirm`, body);
    expectProblem(await confirm(wanted.session), 403, 'forbidden');
    expectProblem(await confirm(await gateway.session()), 403, 'forbidden');
    expectProblem(await confirm(administrator, { domain: 'other.example' }), 409, 'domain_unconfirmed');
    for (const body of [{}, { domain: '' }, { domain: 5 }, { domain: wanted.domain, more: 1 }]) {
      expectProblem(await confirm(administrator, body), 400, 'validation_failed');
    }
    expect(await stateOf(wanted)).toBe('unconfirmed');
    expect((await confirm(administrator)).json()).toMatchObject({
      domainState: 'confirmed',
      domainProof: 'administrator',
    });
    expect(await joins(wanted)).toBe(true);
    expect(await trail(wanted.base)).toEqual([
      { type: 'org_domain_confirmed', reason: 'administrator', actor_credential: 'cookie' },
    ]);
  });

  it('checks are for owners, of organisations that they know', async () => {
    const wanted = await claim();
    publish(wanted);
    const [admin, outsider] = [await orgs.member(wanted.base.slice(-36), 'admin'), await gateway.session()];
    expectProblem(await call(admin, `POST ${wanted.base}/domain/check`), 403, 'forbidden');
    expectProblem(await call(outsider, `POST ${wanted.base}/domain/check`), 404, 'not_found');
    expectProblem(await call(outsider, `POST /api/v1/orgs/x/domain/check`), 404, 'not_found');
    const own = await orgs.make(outsider);
    expectProblem(
      await call(outsider, `POST /api/v1/orgs/${own.id}/domain/check`),
      409,
      'domain_unconfirmed',
    );
  });
});

it('in an air gap without DNS servers no name is asked for, and an administrator confirms', async () => {
  const gateway = await startGateway({ AIR_GAPPED: 'true' });
  try {
    const { call } = new OrgCaller(gateway);
    const session = await gateway.session({ email: 'ada@engines.example', emailVerified: true });
    const made = await call(session, 'POST /api/v1/orgs', { name: 'Engines' });
    const { id } = z.looseObject({ id: z.string() }).parse(made.json());
    await call(session, `PATCH /api/v1/orgs/${id}`, { domain: 'engines.example' });
    const refused = await call(session, `POST /api/v1/orgs/${id}/domain/check`);
    expect([refused.status, refused.json()]).toEqual([
      409,
      expect.objectContaining({
        code: 'domain_unconfirmed',
        detail: expect.stringContaining('an administrator can confirm'),
      }),
    ]);
    const confirmed = await call(await administratorAt(gateway), `POST /api/v1/orgs/${id}/domain/confirm`, {
      domain: 'engines.example',
    });
    expect(confirmed.status).toBe(200);
  } finally {
    await gateway.stop();
  }
});
