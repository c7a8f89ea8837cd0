import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { type CountingServer, startCountingServer } from '../support/call.counter.js';
import { type Gateway, newSecret, startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';

const attributes = ['Path=/', 'HttpOnly', 'SameSite=Lax', 'Secure'];

/** Attributes of a Set-Cookie header, without name, value and Max-Age. */
function attributesOf(header: string): string[] {
  return header
    .split('; ')
    .slice(1)
    .filter((attribute) => !attribute.startsWith('Max-Age='));
}

describe('cookies that are set', () => {
  let gateway: Gateway;
  let ory: CountingServer;
  let hydra: PreparedHydra;

  beforeAll(async () => {
    ory = await startCountingServer();
    hydra = await startPreparedHydra();
    gateway = await startGateway({ KRATOS_ADMIN_URL: ory.url, HYDRA_ADMIN_URL: hydra.url });
  });

  afterAll(async () => {
    await gateway?.stop();
    await ory?.stop();
    await hydra?.stop();
  });

  it('logout clears the session cookie, with the attributes of __Host- [T19]', async () => {
    const { cookie } = await gateway.session();
    const answer = await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    expect(answer.cookies).toHaveLength(1);
    expect(answer.cookies[0]).toMatch(/^__Host-vestibule=; Max-Age=0; /);
    expect(attributesOf(answer.cookies[0] ?? '').sort()).toEqual([...attributes].sort());
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('a login cookie has the same attributes and half an hour, and its answer is no-store [T19] [T21]', async () => {
    const answer = await gateway.request('/auth/login?return_to=/docs');
    for (const header of answer.cookies) {
      expect(header).toMatch(/^__Host-vestibule-login\.[\w-]{16}=[\w.-]+; Max-Age=1800; /);
      expect(attributesOf(header).sort()).toEqual([...attributes].sort());
    }
    expect(answer.cookies).toHaveLength(1);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('answers of guarded routes and errors are no-store as well', async () => {
    const { cookie } = await gateway.session();
    for (const path of ['/api/v1/me', '/auth/session', '/', '/nothing-here']) {
      const answer = await gateway.request(path, { headers: { cookie } });
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });
});

describe('claims that are too large for a cookie', () => {
  it('end in 422 session_too_large that tells the size, no cookie, and never a cut-off one [T16]', async () => {
    const gateway = await startGateway();
    try {
      const { cookie, user } = await gateway.session();
      const { query } = gateway.app.get(Database, { strict: false });
      await query
        .updateTable('users')
        .set({ name: 'n'.repeat(4000) })
        .where('id', '=', user.id)
        .execute();
      gateway.shiftClock(700);
      const answer = await gateway.request('/api/v1/me', { headers: { cookie } });
      expect(answer.status).toBe(422);
      expect(answer.json()).toMatchObject({
        code: 'session_too_large',
        detail: expect.stringMatching(/^It would take \d{4,5} bytes\.$/),
      });
      expect(answer.cookies).toEqual([]);
    } finally {
      await gateway.stop();
    }
  });

  it('the largest cookie that is set is one that every browser keeps, and it works [T16]', async () => {
    const gateway = await startGateway();
    try {
      const { user, cookie } = await gateway.session();
      const { query } = gateway.app.get(Database, { strict: false });
      const seen: { status: number; size: number; usable: number }[] = [];
      for (const [index, length] of [500, 1000, 1500, 1700, 1800, 1900, 2000, 2100, 2500].entries()) {
        await query
          .updateTable('users')
          .set({ name: 'n'.repeat(length) })
          .where('id', '=', user.id)
          .execute();
        // A minute later each time: what came of a renewal is shared for a few seconds.
        gateway.shiftClock(700 + index * 60);
        const answer = await gateway.request('/api/v1/me', { headers: { cookie } });
        const [header] = answer.cookies;
        const again = { cookie: header?.split(';', 1)[0] ?? '' };
        const usable = (await gateway.request('/api/v1/me', { headers: again })).status;
        seen.push({ status: answer.status, size: header?.length ?? 0, usable });
      }
      const kept = seen.filter(({ size }) => size > 0);
      const refused = seen.filter(({ size }) => size === 0);
      expect(kept.every(({ status, usable }) => status === 200 && usable === 200)).toBe(true);
      expect(refused.every(({ status }) => status === 422)).toBe(true);
      expect(Math.min(kept.length, refused.length)).toBeGreaterThan(0);
      const largest = Math.max(...kept.map(({ size }) => size));
      expect(largest).toBeLessThanOrEqual(4096);
      expect(largest).toBeGreaterThan(3000);
    } finally {
      await gateway.stop();
    }
  });
});

describe('rotation of SECRETS', () => {
  it('a new secret in front logs nobody out; taking the old one away does', async () => {
    const [old, next] = [newSecret(), newSecret()];
    const before = await startGateway({ SECRETS: old });
    const { cookie } = await before.session();
    const DATABASE_URL = before.configuration.DATABASE_URL;
    const statusAt = async (SECRETS: string): Promise<number> => {
      const gateway = await startGateway({ SECRETS, DATABASE_URL });
      try {
        return (await gateway.request('/api/v1/me', { headers: { cookie } })).status;
      } finally {
        await gateway.stop();
      }
    };
    try {
      expect(await statusAt(`${next},${old}`)).toBe(200);
      expect(await statusAt(old)).toBe(200);
      await expect(statusAt(next)).rejects.toThrow('Add the old secret behind the new one.');
    } finally {
      await before.stop();
    }
  });

  it('with the first secret cookies are encrypted: the old version cannot read them', async () => {
    const [old, next] = [newSecret(), newSecret()];
    const rotated = await startGateway({ SECRETS: `${next},${old}` });
    const other = await startGateway({ SECRETS: old });
    try {
      const { cookie } = await rotated.session();
      expect((await rotated.request('/api/v1/me', { headers: { cookie } })).status).toBe(200);
      expect((await other.request('/api/v1/me', { headers: { cookie } })).status).toBe(401);
    } finally {
      await rotated.stop();
      await other.stop();
    }
  });
});
