import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../platform/core/identifier.js';
import { databaseKinds } from '../../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../../test/support/fresh.database.js';
import { type Gateway, type HeldSession, startGateway } from '../../../../test/support/gateway.js';
import { OrgCaller } from '../../../../test/support/org.caller.js';
import { makeWorld } from '../../../../test/support/world.js';

const listSchema = z.looseObject({
  items: z.array(z.looseObject({ id: z.uuid(), name: z.string(), role: z.string().nullable() })),
  nextCursor: z.string().nullable(),
});

function encode(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

describe.each(databaseKinds)('GET /api/v1/orgs?all=true&search= on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let orgs: OrgCaller;
  let admin: HeldSession;
  let owner: HeldSession;

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    orgs = new OrgCaller(gateway);
    admin = (await makeWorld(gateway)).sessions.administrator;
    owner = await gateway.session();
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  async function make(name: string, slug: string): Promise<string> {
    const answer = await orgs.call(owner, 'POST /api/v1/orgs', { name, slug });
    expect(answer.status).toBe(201);
    return z.looseObject({ id: z.uuid() }).parse(answer.json()).id;
  }

  async function found(parameters: Readonly<Record<string, string>>): Promise<z.output<typeof listSchema>> {
    const query = new URLSearchParams({ all: 'true', ...parameters });
    const answer = await orgs.call(admin, `GET /api/v1/orgs?${query}`);
    expect([answer.status, answer.text.slice(0, 200)]).toEqual([200, expect.any(String)]);
    return listSchema.parse(answer.json());
  }

  it('finds by the beginning of a slug first, then of a name, each once, in whatever case', async () => {
    const byName = await make('Quincunx Works', 'zz-works');
    const byBoth = await make('QUINCUNX', 'quincunx-a');
    const bySlug = await make('Something else', 'quincunx-b');
    await make('A quincunx', 'a-quincunx');
    const { items, nextCursor } = await found({ search: ' Quincunx' });
    expect([items.map(({ id }) => id), nextCursor]).toEqual([[byBoth, bySlug, byName], null]);
    expect(items.map(({ role }) => role)).toEqual([null, null, null]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.output<typeof listSchema> = await found({
        search: 'quincunx',
        limit: '1',
        ...(cursor === '' ? {} : { cursor }),
      });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual([byBoth, bySlug, byName]);
  });

  it('finds by a new name after a change, and by a whole id', async () => {
    const id = await make('Before', `before-${newId().slice(-6)}`);
    const renamed = await orgs.call(owner, `PATCH /api/v1/orgs/${id}`, { name: 'ÄRA Neu' });
    expect(renamed.status).toBe(200);
    expect((await found({ search: 'ära' })).items.map((org) => org.id)).toEqual([id]);
    expect((await found({ search: 'Before' })).items.map(({ name }) => name)).toEqual(['ÄRA Neu']);
    expect((await found({ search: id.toUpperCase() })).items.map((org) => org.id)).toEqual([id]);
    expect((await found({ search: newId() })).items).toEqual([]);
  });

  it.each(['%', '_', "'", '\\', '🚀', '*', 'x'.repeat(200)])('takes %s literally', async (text) => {
    const id = await make(text, `org-${newId().slice(-12)}`);
    const { items } = await found({ search: text });
    expect(items.map((org) => org.id)).toContain(id);
    expect(items.every(({ name }) => name.startsWith(text))).toBe(true);
  });

  it.each([
    ['search=x', 'search'],
    ['search=x&all=false', 'search'],
    ['search=x&all=true&joinable=true', 'search'],
    ['all=true&search=', 'search'],
    ['all=true&search=%20', 'search'],
    ['all=true&search=a%00b', 'search'],
    [`all=true&search=${'x'.repeat(321)}`, 'search'],
    ['all=true&search=a&search=b', 'search'],
    ['all=true&cursor=x', 'cursor'],
    [`all=true&cursor=${encode({ by: 'slug', key: 'a', id: newId() })}`, 'cursor'],
    [`all=true&search=a&cursor=${encode({ by: 'id', id: newId() })}`, 'cursor'],
    [`all=true&search=a&cursor=${encode({ by: 'slug', key: 'a\u0000', id: newId() })}`, 'cursor'],
    [`all=true&search=a&cursor=${encode({ by: 'name', key: { a: 1 }, id: newId() })}`, 'cursor'],
  ])('%.60s is 400 and names the field', async (text, field) => {
    const answer = await orgs.call(admin, `GET /api/v1/orgs?${text}`);
    expect(answer.json()).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });

  it('is for administrators alone', async () => {
    const answer = await orgs.call(owner, 'GET /api/v1/orgs?all=true&search=a');
    expect(answer.json()).toMatchObject({ code: 'forbidden' });
  });
});
