import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

/** As if it were an hour later for Kratos, whose flows live for half of one, and every request at Hydra had expired. */
const anHourLater = { kratos: ['--keep-last=-1h'], hydra: ['--consent-request-lifespan=1ms'] };
const rounds = 3;
const flowsInARound = 48;
/** Twice as many as get a row in the audit trail. */
const guessesInARound = 60;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ ownOry: true });
});

afterAll(async () => {
  await stack?.stop();
});

/** Rows of all tables of one of Ory's databases, and its pages. */
function sizeOf(name: 'kratos' | 'hydra'): { rows: number; pages: number } {
  const sqlite = new Sqlite(join(stack.oryDataDir, 'ory', `${name}.sqlite`), { readonly: true });
  try {
    const names = sqlite.prepare("select name from sqlite_master where type = 'table'").all();
    const counted = names.map((row: unknown) => {
      const table = String(Reflect.get(Object(row), 'name'));
      return Number(Reflect.get(Object(sqlite.prepare(`select count(*) as n from "${table}"`).get()), 'n'));
    });
    const pages = Reflect.get(Object(sqlite.prepare('pragma page_count').get()), 'page_count');
    return { rows: counted.reduce((sum, count) => sum + count, 0), pages: Number(pages) };
  } finally {
    sqlite.close();
  }
}

async function auditRows(): Promise<number> {
  const app = stack.app();
  await app.get(AuditService, { strict: false }).flush();
  const { query } = app.get(Database, { strict: false });
  const { rows } = await query
    .selectFrom('audit_events')
    .select(({ fn }) => fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow();
  return Number(rows);
}

/** What anyone can send without an account. */
async function flood(): Promise<void> {
  const filler = 'x'.repeat(1500);
  const kinds = ['login', 'registration', 'recovery', 'verification'];
  for (let index = 0; index < flowsInARound; index += 1) {
    const kind = kinds[index % kinds.length];
    const path = `/ory/kratos/self-service/${kind}/browser?return_to=${stack.url}/${filler}`;
    expect((await rawRequest(stack.url, { path })).status).toBe(303);
  }
  for (let index = 0; index < flowsInARound; index += 1) {
    const state = randomBytes(16).toString('hex');
    const query = new URLSearchParams({
      client_id: 'vestibule',
      response_type: 'code',
      scope: 'openid',
      state,
    });
    expect((await rawRequest(stack.url, { path: `/ory/hydra/oauth2/auth?${query}` })).status).toBe(302);
  }
  const agent = new UserAgent(stack.url);
  for (let index = 0; index < guessesInARound; index += 1) {
    const accessToken = `ory_at_${randomBytes(32).toString('base64url')}`;
    expect((await agent.post('/auth/login', { accessToken })).status).toBe(401);
  }
}

it('what outsiders write is removed, so that no database grows [W22]', { timeout: 300_000 }, async () => {
  const person = newPerson();
  const browser = new UserAgent(stack.url);
  await signUp(browser, person);
  const seen: { kratos: number; hydra: number; pages: number; audit: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = sizeOf('kratos').rows;
    await flood();
    expect(sizeOf('kratos').rows - before).toBeGreaterThanOrEqual(flowsInARound);
    expect(await stack.ory.cleanup.run(anHourLater)).toBe(true);
    const kratos = sizeOf('kratos');
    seen.push({
      kratos: kratos.rows,
      hydra: sizeOf('hydra').rows,
      pages: kratos.pages,
      audit: await auditRows(),
    });
  }
  const [first, ...others] = seen;
  for (const each of others) {
    expect(each.kratos).toBeLessThanOrEqual(first?.kratos ?? 0);
    expect(each.hydra).toBeLessThanOrEqual(first?.hydra ?? 0);
    // Pages that became free are used again; a few more may be needed for an index.
    expect(each.pages).toBeLessThanOrEqual((first?.pages ?? 0) * 1.1);
    expect(each.audit).toBe(first?.audit);
  }
  // Nothing of a person's was among it.
  expect((await browser.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
  expect((await browser.fetch('/auth/session')).status).toBe(200);
});
