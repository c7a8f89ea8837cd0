import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { administratorAt } from '../support/administrator.js';
import { plantOrg } from '../support/api.caller.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type Gateway, type HeldSession, newIdentity, startGateway } from '../support/gateway.js';
import { fuzz } from './fuzz.settings.js';
import { hostileText, wellFormed } from './hostile.values.js';

const pageSchema = z.looseObject({
  items: z.array(
    z.looseObject({
      id: z.uuid(),
      name: z.string().nullable(),
      email: z.string().nullish(),
      slug: z.string().optional(),
    }),
  ),
  nextCursor: z.string().nullable(),
});
type Page = z.output<typeof pageSchema>;

/** Names whose beginnings are what patterns, SQL and collations stumble over. */
const names = [
  '%',
  '_x',
  '*',
  '\\',
  "o'Neil",
  '"',
  'ǅ',
  'İstanbul',
  'ßtraße',
  'é',
  'e\u0301',
  '\u{10FFFF}',
  '👩‍👩‍👧',
  'ada',
  'Ada',
  'ADA 100%',
  'a_b',
] as const;
const search = fc.oneof(
  hostileText.map(wellFormed),
  fc.constantFrom(...names),
  fc
    .constantFrom(...names)
    .chain((name) => fc.nat(name.length).map((length) => wellFormed(name.slice(0, length)))),
);

describe.each(databaseKinds)('searches on %s', (kind) => {
  let database: FreshDatabase;
  let gateway: Gateway;
  let administrator: HeldSession;

  beforeAll(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    gateway = await startGateway({ DATABASE_URL: database.url });
    administrator = await administratorAt(gateway);
    const sessions = await Promise.all(names.map((name) => gateway.session(newIdentity({ name }))));
    for (const [index, session] of sessions.entries()) {
      await plantOrg(gateway, `org-${index}`, { owner: session });
    }
  });

  afterAll(async () => {
    await gateway?.stop();
    await database?.drop();
  });

  async function page(
    path: string,
    query: Readonly<Record<string, string>>,
  ): Promise<{ status: number; text: string; page?: Page }> {
    const { status, text } = await gateway.request(`${path}?${new URLSearchParams(query)}`, {
      headers: { cookie: administrator.cookie },
    });
    return { status, text, ...(status === 200 ? { page: pageSchema.parse(JSON.parse(text)) } : {}) };
  }

  /** Whether somebody is found by their id, or by the beginning of their address or name; no character stands for others. */
  const matches = (text: string, keys: readonly (string | null | undefined)[]): boolean =>
    keys.some((key) => key?.toLowerCase().startsWith(text.trim().toLowerCase()) === true);

  /** Ids of whom a search finds, or undefined when it's refused as none. */
  async function everyPage(text: string, limit: string): Promise<string[] | undefined> {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const more: Readonly<Record<string, string>> = cursor === undefined ? {} : { cursor };
      const answer = await page('/api/v1/users', { search: text, limit, ...more });
      if (answer.status === 400 && answer.text.includes('"code":"validation_failed"')) {
        return undefined;
      }
      if (answer.page === undefined) {
        throw new Error(`${answer.status} ${answer.text}`);
      }
      found.push(...answer.page.items.map(({ id }) => id));
      cursor = answer.page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return found;
  }

  /** Whether a text can be searched for: neither empty, nor too long, nor with what can't be stored. */
  const isSearch = (text: string): boolean =>
    text.trim() !== '' && text.trim().length <= 320 && !/[\p{Cc}\p{Cs}]/u.test(text.trim());

  it(
    'of users find what begins with the text and nothing else, page by page',
    { timeout: 300_000 },
    async () => {
      const everybody = (await page('/api/v1/users', { limit: '100' })).page?.items ?? [];
      expect(everybody.length).toBe(names.length + 1);
      await fc.assert(
        fc.asyncProperty(search, fc.constantFrom('2', '100'), async (text, limit) => {
          const expected = everybody.filter(
            ({ id, name, email }) => id === text || matches(text, [email, name]),
          );
          const ids = isSearch(text) ? expected.map(({ id }) => id).toSorted() : undefined;
          expect((await everyPage(text, limit))?.toSorted()).toEqual(ids);
        }),
        { seed: fuzz.seed, numRuns: fuzz.runs * 5 },
      );
    },
  );

  it(
    'with a cursor that was made up or is of another list are 400 or a page, never more',
    { timeout: 300_000 },
    async () => {
      const id = fc.constantFrom(administrator.user.id, 'x', '00000000-0000-0000-0000-000000000000');
      const position = fc.oneof(
        fc.record(
          { by: fc.constantFrom('id', 'name', 'email', 'slug', '__proto__'), key: hostileText, id },
          { requiredKeys: ['by'] },
        ),
        id,
        fc.anything(),
      );
      const cursor = fc.oneof(
        position.map((value) =>
          Buffer.from(JSON.stringify(value) ?? 'null')
            .toString('base64url')
            .slice(0, 1100),
        ),
        hostileText.map(wellFormed),
      );
      const lists = [
        '/api/v1/users',
        '/api/v1/orgs',
        '/api/v1/me/orgs',
        '/api/v1/me/invites',
        '/api/v1/api-keys',
        '/api/v1/audit-events',
      ] as const;
      const extra: fc.Arbitrary<Readonly<Record<string, string>>> = fc.constantFrom(
        {},
        { search: 'a' },
        { all: 'true', search: 'o' },
        { all: 'true' },
      );
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...lists), cursor, extra, async (path, text, more) => {
          const { status, text: body } = await page(path, { ...more, cursor: text });
          expect([200, 400]).toContain(status);
          expect(status === 200 || body.includes('"code":"validation_failed"')).toBe(true);
        }),
        { seed: fuzz.seed, numRuns: fuzz.runs * 8 },
      );
    },
  );
});
