import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clock } from '../../../src/platform/time/clock.service.js';
import { Database } from '../../../src/platform/database/database.schema.js';
import { MembershipRepository } from '../../../src/orgs/membership.repository.js';
import { RevocationService } from '../../../src/session/revocation/revocation.service.js';
import { SessionService } from '../../../src/session/session.service.js';
import { UsersService } from '../../../src/directory/users/users.service.js';
import { recordStatements } from '../../support/call.counter.js';
import { type Gateway, newIdentity, startGateway } from '../../support/gateway.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const document = readFileSync(new URL('../../../docs/internals/scaling.md', import.meta.url), 'utf8');
const runFile = promisify(execFile);
/** Milliseconds: two programs compute for ten seconds each, and a busy machine takes ten times as long. */
const limit = 300_000;

async function run(...args: readonly string[]): Promise<string> {
  return (await runFile(process.execPath, [...args], { cwd: root })).stdout;
}

/** A unit cost of the document. */
function unit(name: string): number {
  return Number(new RegExp(`^\\| \`${name}\` +\\|[^|]+\\| +([\\d.,]+) `, 'm').exec(document)?.[1]);
}

/** Second cell of the row with this title. */
function cell(table: string, title: string): string {
  return new RegExp(`^\\| ${title} +\\| +([^| ]+)`, 'm').exec(table)?.[1] ?? '';
}

describe('docs/internals/scaling.md', () => {
  it(
    'has the plan of its unit costs and what the simulation prints, which is the same each time',
    async () => {
      const [printed, complaint] = await Promise.all([
        run('bench/simulate.mjs'),
        run('bench/plan.mjs', '--check'),
      ]);
      expect(printed).toContain('95%');
      expect(document).toContain(printed.trim());
      expect(complaint).toBe('');
    },
    limit,
  );

  it('takes settings of the reader’s own, and says so when there is no such setting', async () => {
    const [usual, twice] = [
      await run('bench/plan.mjs', 'requests=200'),
      await run('bench/plan.mjs', 'requests=400'),
    ];
    expect([cell(usual, 'requests/s'), cell(twice, 'requests/s')]).toEqual(['2,083', '4,167']);
    expect(document).toContain(`| requests/s | 2.1 | ${cell(usual, 'requests/s')} |`);
    await expect(run('bench/plan.mjs', 'request=1')).rejects.toThrow('There is no request');
  });
});

describe('statements that docs/internals/scaling.md counts', () => {
  const beginAndCommit = 2;
  let gateway: Gateway;
  let statements: string[];

  beforeAll(async () => {
    gateway = await startGateway();
    statements = recordStatements(gateway.app.get(Database, { strict: false }));
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  /** Those of an act; the audit trail and the polls write and read on their own. */
  async function countOf(act: () => Promise<unknown>): Promise<number> {
    statements.length = 0;
    await act();
    const own = /"audit_events"|from "revocations"|from "signing_keys"|"signal_streams"|from "signal_keys"/;
    return statements.filter((statement) => !own.test(statement)).length;
  }

  const login = async () => {
    const identity = newIdentity({ subject: 'known', email: 'known@example.test' });
    const account = await gateway.app.get(UsersService, { strict: false }).recordLogin(identity);
    await gateway.app.get(MembershipRepository, { strict: false }).joinByDomain(account.user, 'example.test');
    return gateway.app.get(SessionService, { strict: false }).start(
      account,
      {
        provider: 'ory',
        issuer: identity.issuer,
        subject: identity.subject,
        clientId: 'vestibule',
        scope: ['openid'],
        amr: ['pwd'],
        acr: 'aal1',
        authTime: gateway.app.get(Clock, { strict: false }).now(),
        providerSessionId: 'kratos-session',
        oidcSid: null,
      },
      {},
      { userAgent: null, remoteAddress: '127.0.0.1' },
    );
  };

  it('a login of somebody known has as many', async () => {
    await login();
    expect(await countOf(login)).toBe(unit('loginStatements'));
  });

  it('a renewal has as many', async () => {
    const { cookie } = await gateway.session();
    gateway.shiftClock(700);
    const renewal = () => gateway.request('/auth/session', { headers: { cookie } });
    const count = await countOf(async () => expect((await renewal()).status).toBe(200));
    gateway.shiftClock(0);
    expect(count).toBe(unit('renewalStatements'));
  });

  it('an end of a session has as many', async () => {
    const { claims } = await gateway.session();
    const end = () =>
      gateway.app.get(RevocationService, { strict: false }).endSessions({ id: claims.sid }, 'logout');
    expect(await countOf(end)).toBe(unit('endStatements') - beginAndCommit);
  });
});
