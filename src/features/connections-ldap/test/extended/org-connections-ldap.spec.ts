import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../../platform/database/database.schema.js';
import { directoryNames, type SlapdServer, startSlapd } from '../../../../../test/support/slapd.server.js';
import { addPerson, logInByDirectory } from '../../../../../test/support/source.driver.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';

const idSchema = z.looseObject({ id: z.string() });
const reportSchema = z.looseObject({
  steps: z.array(z.looseObject({ step: z.string(), fault: z.string().nullable() })),
});

let slapd: SlapdServer;
let stack: Stack;
let owner: UserAgent;
let path: string;
let id: string;
let ca: string;

beforeAll(async () => {
  slapd = await startSlapd();
  ca = await readFile(slapd.authorityPath, 'utf8');
  stack = await startStack({
    env: { ORG_CONNECTION_HOSTS: new URL(slapd.url).host, ORG_CONNECTION_KINDS: 'oidc,ldap' },
  });
  owner = new UserAgent(stack.url);
  await arriveVerified(owner, stack);
  const org = idSchema.parse((await owner.send('POST', '/api/v1/orgs', { name: 'Example' })).json());
  const domain = 'example.org';
  await stack
    .app()
    .get(Database, { strict: false })
    .query.updateTable('orgs')
    .set({ domain, claimed_domain: domain, domain_proof: 'administrator' })
    .where('id', '=', org.id)
    .execute();
  path = `/api/v1/orgs/${org.id}/connections`;
  const made = await owner.send('POST', path, {
    name: 'Example Ltd.',
    kind: 'ldap',
    domains: [domain],
    settings: settings(),
  });
  expect([made.status, made.status === 201 ? '' : made.text]).toEqual([201, '']);
  ({ id } = idSchema.parse(made.json()));
});

afterAll(async () => {
  await stack?.stop();
  await slapd?.stop();
});

const settings = (changes: object = {}): object => ({
  servers: [slapd.url],
  ca,
  bind_dn: directoryNames.reader,
  bind_password: directoryNames.readerPassword,
  base_dn: directoryNames.people,
  ...changes,
});

async function testOf(address?: string): Promise<readonly string[]> {
  const answer = await owner.send('POST', `${path}/${id}/test`, address === undefined ? {} : { address });
  const { steps } = reportSchema.parse(answer.json());
  return steps.map(({ step, fault, found }) =>
    [step, fault, found].filter((part) => part !== null).join(': '),
  );
}

const change = async (changes: object): Promise<number> =>
  (await owner.send('PATCH', `${path}/${id}`, { settings: settings(changes) })).status;

describe('an organisation’s directory', () => {
  it('lets its users in, as members', async () => {
    const ada = await addPerson(slapd);
    const agent = new UserAgent(stack.url);
    await logInByDirectory(agent, ada);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: ada.email, emailVerified: true },
      claims: { org: { role: 'member' } },
    });
  });

  it('is tested step by step, and the first that fails is named', async () => {
    const ada = await addPerson(slapd);
    expect(await testOf(ada.email)).toEqual(['settings', 'reach', 'bind', 'base', 'user']);
    expect((await testOf('no-one@example.org')).at(-1)).toBe('user: user_absent');
    expect(await change({ bind_password: 'another' })).toBe(200);
    expect((await testOf()).at(-1)).toBe('bind: bind_refused');
    expect(await change({ base_dn: 'ou=nowhere,dc=example,dc=org' })).toBe(200);
    expect((await testOf()).at(-1)).toBe('base: base_absent');
    const lost = await logInByDirectory(new UserAgent(stack.url), ada);
    expect([lost.status, lost.text]).toEqual([502, expect.stringContaining('is not set up as it should be')]);
    expect(await change({ subject_attribute: 'absentAttribute' })).toBe(200);
    expect((await testOf()).at(-1)).toBe('base: subject_absent');
    expect(await change({ ca: undefined })).toBe(200);
    expect((await testOf()).at(-1)).toBe('reach: certificate: SELF_SIGNED_CERT_IN_CHAIN');
    expect(await change({})).toBe(200);
    expect(await testOf()).toEqual(['settings', 'reach', 'bind', 'base']);
  });

  it('with a filter that isn’t valid is refused', async () => {
    const answer = await owner.send('PATCH', `${path}/${id}`, { settings: settings({ user_filter: '((' }) });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'validation_failed',
      errors: [
        {
          field: 'settings.user_filter',
          message: "has a user_filter that isn't a valid LDAP filter (RFC 4515)",
        },
      ],
    });
  });

  it('neither answers nor logs have its password', async () => {
    const answer = await owner.fetch(`${path}/${id}`);
    expect(answer.text).not.toContain(directoryNames.readerPassword);
    expect(stack.log.join('\n')).not.toContain(directoryNames.readerPassword);
  });
});
