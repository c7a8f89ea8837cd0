import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { verifiedPerson } from '../support/browser.api.js';
import { type Outcome, startCli } from '../support/cli.process.js';
import { blockRunBy } from '../support/document.blocks.js';
import {
  type CompanyPorts,
  type CompanyServer,
  companyPorts,
  companySecret,
  startCompany,
} from '../support/openid.connection.js';
import { logIn } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const spec = 'test/e2e/connections-cli.spec.ts';
const page = 'docs/connections.md';
const orgSchema = z.looseObject({ id: z.string(), slug: z.string() });

let stack: Stack;
let ports: CompanyPorts;
let company: CompanyServer | undefined;
let folder: string;
let slug: string;
let user: UserAgent;

beforeAll(async () => {
  ports = await companyPorts();
  stack = await startStack({ env: { ORG_CONNECTION_HOSTS: new URL(ports.issuer).host } });
  folder = await mkdtemp(join(tmpdir(), 'vestibule-cli-'));
  const person = await verifiedPerson(stack);
  user = new UserAgent(stack.url);
  await logIn(user, person);
  const made = await user.post('/api/v1/orgs', { name: `Org ${newId()}` });
  const org = orgSchema.parse(made.json());
  ({ slug } = org);
  const domain = 'example.com';
  await stack
    .app()
    .get(Database, { strict: false })
    .query.updateTable('orgs')
    .set({ domain, claimed_domain: domain, domain_proof: 'administrator' })
    .where('id', '=', org.id)
    .execute();
  const cli = startCli(env(), 'login', '--no-browser');
  const question = await user.navigate(await cli.address());
  const answer = await user.submit(question, {}, { name: 'decision', value: 'allow' });
  await user.request(answer.headers.get('location') ?? '');
  expect(await cli.end()).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await company?.stop();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = (): Record<string, string> => ({
  XDG_CONFIG_HOME: folder,
  HOME: folder,
  VESTIBULE_URL: stack.url,
});
const run = async (...args: readonly string[]): Promise<Outcome> =>
  startCli(env(), 'connections', ...args).end();

describe('vestibule connections', () => {
  it('connects the documented provider, tests it, changes it, lists it and removes it, and prints no secret', async () => {
    const file = join(folder, 'company.json');
    const documented = blockRunBy(page, spec, 'company').replace('https://login.example.org', ports.issuer);
    await writeFile(file, documented.replace('the secret of the client', companySecret));
    const created = await run('create', file, '--org', slug);
    expect(created).toMatchObject({ code: 0, err: '' });
    const id = /^id: ([\da-f-]{36})$/m.exec(created.out)?.[1] ?? '';
    expect(created.out).toContain(`redirect URI: ${stack.url}/auth/connections/${id}/callback`);

    await startCli(env(), 'token').end();
    const failed = await run('test', id, '--org', slug);
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('failed  reach') });
    company = await startCompany(stack.url, ports, { ids: [id] });
    const tested = await run('test', id, '--org', slug);
    expect([tested.code, tested.err]).toEqual([0, '']);
    expect(tested.out).toMatch(/^ok {6}client/m);

    await writeFile(join(folder, 'change.json'), '{"name":"Example Inc."}');
    expect(await run('change', id, join(folder, 'change.json'), '--org', slug)).toMatchObject({ code: 0 });
    // The tokens of all members are outdated then. The command prints one that isn't.
    const token = (await startCli(env(), 'token').end()).out.trim();
    const headers = { authorization: `Bearer ${token}` };
    expect((await new UserAgent(stack.url).fetch('/api/v1/me', { headers })).status).toBe(200);
    expect((await run('list', '--org', slug)).out).toBe(`${id}  oidc   Example Inc.  example.com\n`);
    const all = (await run('list', '--org', slug, '--json')).out;
    expect([created.out, tested.out, all].join('\n')).not.toContain(companySecret);
    expect(await readFile(file, 'utf8')).toContain(companySecret);

    expect(await run('remove', id, '--org', slug)).toMatchObject({
      code: 0,
      err: 'The connection Example Inc. is removed.\n',
    });
    expect(await run('remove', id, '--org', slug)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`no connection ${id}`),
    });
  });

  it('a mistake is named by its setting, and a file that is none by its path', async () => {
    const file = join(folder, 'wrong.json');
    await writeFile(
      file,
      '{"name":"X","kind":"oidc","settings":{"issuer":"https://10.0.0.1","client_id":"x"}}',
    );
    expect(await run('create', file, '--org', slug)).toMatchObject({
      code: 1,
      err: expect.stringContaining('settings.issuer leads to a host that is not public'),
    });
    for (const [path, content] of [
      [join(folder, 'absent.json'), undefined],
      [join(folder, 'list.json'), '[]'],
    ] as const) {
      if (content !== undefined) {
        await writeFile(path, content);
      }
      expect(await run('create', path, '--org', slug)).toMatchObject({
        code: 1,
        err: expect.stringContaining(path),
      });
    }
  });
});
