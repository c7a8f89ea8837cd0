import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../../platform/core/identifier.js';
import { promote } from '../../../../../test/support/administrator.js';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import { type Outcome, startCli } from '../../../../../test/support/cli.process.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { GuideShell } from '../../../../../test/support/guide.shell.js';
import { logIn } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const spec = 'src/features/applications/test/extended/applications-cli.spec.ts';
const page = 'docs/applications.md';
const createdSchema = z.looseObject({ id: z.string(), clientSecret: z.string().nullable() });
const unknownId = newId();

let stack: Stack;
let guide: GuideShell;
let user: UserAgent;
let userId: string;

beforeAll(async () => {
  stack = await startStack();
  guide = await GuideShell.open(stack.url);
  const person = await verifiedPerson(stack);
  user = new UserAgent(stack.url);
  await logIn(user, person);
  const me = await user.fetch('/api/v1/me');
  userId = z.looseObject({ id: z.string() }).parse(me.json()).id;
  expect(await guide.logIn(user)).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await stack?.stop();
  await guide?.close();
});

const run = async (...args: readonly string[]): Promise<Outcome> =>
  guide.start('applications', ...args).end();

/** Whether a secret of a machine is accepted. */
async function isAccepted(id: string, secret: string): Promise<boolean> {
  const answer = await fetch(`${stack.url}/ory/hydra/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return answer.status === 200;
}

describe('vestibule applications', () => {
  it('of a user who is no administrator are refused', async () => {
    const outcome = await run('list');
    expect(outcome).toMatchObject({ code: 1, out: '' });
    expect(outcome.err).toContain('admin');
    expect(outcome.err).toContain('add --org');
  });

  it('of an organisation are for its owner', async () => {
    const made = await user.post('/api/v1/orgs', { name: `Org ${newId()}` });
    const { id: org, slug } = z.looseObject({ id: z.string(), slug: z.string() }).parse(made.json());
    const outcome = await run(
      'register',
      'Handbook',
      '--org',
      slug,
      '--redirect-uri',
      'https://h.example/cb',
    );
    expect(outcome).toMatchObject({ code: 0, err: expect.stringContaining('Keep the secret now') });
    expect((await run('list', '--org', org)).out).toMatch(/^[0-9a-f-]{36} {2}web +Handbook\n$/);
    expect((await run('list', '--org', slug)).out).toBe((await run('list', '--org', org)).out);
    expect(outcome.out).toMatch(/^who may log in +organisation$/m);
    for (const unknown of [unknownId, 'no-such-org']) {
      expect(await run('list', '--org', unknown)).toEqual({
        code: 1,
        out: '',
        err: `You belong to no organisation ${unknown}.\n`,
      });
    }
    expect(await run('show', unknownId, '--org', slug)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`no application ${unknownId} in the organisation ${slug}`),
    });
    const { id } = z
      .looseObject({ id: z.string() })
      .parse(JSON.parse((await run('list', '--org', slug, '--json')).out)[0]);
    expect(await run('change', id, '--org', slug, '--code-protection', 'nonce')).toMatchObject({
      code: 1,
      err: '--code-protection is for administrators, without --org\n',
    });
    const machine = await run('register', 'Robot', '--kind', 'machine', '--org', slug);
    expect(machine).toMatchObject({
      code: 1,
      err: expect.stringContaining('Only administrators register machines'),
    });
  });

  it('are registered, listed, shown, given a new secret and removed by an administrator', async () => {
    await promote(stack.app(), userId);
    expect(await guide.logIn(user)).toMatchObject({ code: 0 });
    const made = await run('register', 'Nightly', '--kind', 'machine', '--scope', 'orgs:read', '--json');
    expect(made.code).toBe(0);
    const { id, clientSecret } = createdSchema.parse(JSON.parse(made.out));
    expect(await isAccepted(id, clientSecret ?? '')).toBe(true);

    expect((await run('list')).out).toMatch(new RegExp(`^${id} {2}machine +Nightly$`, 'm'));
    const shown = await run('show', id);
    expect(shown.out).toContain(`${stack.url}/ory/hydra`);
    expect(shown.out).toMatch(new RegExp(`^token endpoint +${stack.url}/ory/hydra/oauth2/token$`, 'm'));
    expect(shown.out).toMatch(new RegExp(`^exchange at +${stack.url}/auth/token$`, 'm'));
    expect(shown.out).not.toContain(clientSecret);

    const rotated = await run('rotate-secret', id, '--keep-previous-for', '3600');
    expect(rotated.out.trim()).toMatch(/^\S{20,}$/);
    expect(await isAccepted(id, clientSecret ?? '')).toBe(true);
    expect(await isAccepted(id, rotated.out.trim())).toBe(true);
    const last = await run('rotate-secret', id, '--keep-previous-for', '0');
    expect(await isAccepted(id, rotated.out.trim())).toBe(false);
    expect(await isAccepted(id, last.out.trim())).toBe(true);

    expect(await run('remove', id)).toEqual({
      code: 0,
      out: '',
      err: 'The application Nightly is removed.\n',
    });
    expect(await isAccepted(id, last.out.trim())).toBe(false);
    expect(await run('show', id)).toEqual({ code: 1, out: '', err: `There is no application ${id}.\n` });
  });

  it('are changed: only what an option names', async () => {
    const back = 'https://w.example/cb';
    const made = await run('register', 'Wiki', '--redirect-uri', back, '--role', 'admin', '--json');
    expect(made).toMatchObject({ code: 0 });
    const { id } = createdSchema.parse(JSON.parse(made.out));
    expect(JSON.parse(made.out)).toMatchObject({ access: 'roles', roles: ['admin'] });
    const options = [
      '--name',
      'Manual',
      '--access',
      'everyone',
      '--scope',
      'openid groups',
      '--groups-from',
      'all',
      '--groups-as',
      'id',
      '--no-remember-consent',
      '--redirect-uri',
      back,
      'https://w.example/other',
      '--home-page',
      'https://w.example/',
      '--auth-method',
      'client_secret_post',
      '--first-party',
      '--json',
    ];
    const changed = await run('change', id, ...options);
    expect([changed.code, changed.err]).toEqual([0, '']);
    const settings = {
      name: 'Manual',
      access: 'everyone',
      roles: [],
      scope: 'openid groups',
      groupsFrom: 'all',
      groupOrgs: [],
      groupsAs: 'id',
      rememberConsent: false,
      redirectUris: [back, 'https://w.example/other'],
      clientUri: 'https://w.example/',
      tokenEndpointAuthMethod: 'client_secret_post',
      firstParty: true,
    };
    expect(JSON.parse(changed.out)).toMatchObject(settings);
    const more = '--logout-redirect-uri https://w.example/bye --privacy-policy https://w.example/p';
    const rest = '--logo https://w.example/l.png --backchannel-logout-uri https://w.example/out';
    const shown = await run('change', id, ...`${more} ${rest}`.split(' '));
    for (const row of [
      /^groups +all, as id$/m,
      /^consent +not asked for$/m,
      /^sends its secret +client_secret_post$/m,
      /^after a logout +https:\/\/w\.example\/bye$/m,
      /^back-channel +https:\/\/w\.example\/out$/m,
      /^home page +https:\/\/w\.example\/$/m,
      /^privacy policy +https:\/\/w\.example\/p$/m,
      /^logo +https:\/\/w\.example\/l\.png$/m,
    ]) {
      expect(shown.out).toMatch(row);
    }
    expect((await run('show', id)).out).toBe(shown.out);
    const again = await run('change', id, '--home-page', '', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ ...settings, clientUri: null });
    expect((await run('change', id, '--no-first-party')).out).toMatch(/^consent +asked at each login$/m);
    expect(await run('change', unknownId, '--name', 'X')).toMatchObject({
      code: 1,
      err: `There is no application ${unknownId}.\n`,
    });
  });

  it.each([
    [
      'a redirect URI without https',
      ['register', 'Wiki', '--redirect-uri', 'http://wiki.example/'],
      '--redirect-uri http://wiki.example/ must begin with https://',
    ],
    [
      'a name of the product',
      ['register', 'Vestibule', '--redirect-uri', 'https://w.example/'],
      'name must not',
    ],
    ['no redirect URI', ['register', 'Wiki'], '--redirect-uri must have at least one entry'],
    [
      'a scope that users don’t know',
      ['register', 'Wiki', '--redirect-uri', 'https://w.example/', '--scope', 'openid calendar'],
      'must not have calendar for this kind: only openid, profile, email, roles, orgs, groups, offline_access',
    ],
    [
      'a way to send a secret that there is none of',
      'register Wiki --kind native --redirect-uri https://w.example/ --auth-method client_secret_post'.split(
        ' ',
      ),
      '--auth-method must be left out: this kind of application has no secret',
    ],
    ['nothing to change', ['change', unknownId], 'Nothing to change'],
    ['an unknown kind', ['register', 'Wiki', '--kind', 'toaster'], 'web, single_page, native, machine'],
    ['seconds that are none', ['rotate-secret', unknownId, '--keep-previous-for', 'long'], 'whole seconds'],
    ['an id that is none', ['show', '../users'], ''],
  ])('states what is wrong with %s', async (_what, args, said) => {
    const outcome = await run(...args);
    expect([outcome.code, outcome.out]).toEqual([1, '']);
    expect(outcome.err).toContain(said);
    expect(outcome.err.trim()).not.toBe('');
    expect(outcome.err).not.toContain('    at ');
  });

  it('state once that a name is empty', async () => {
    const outcome = await run('register', '', '--redirect-uri', 'https://w.example/');
    expect(outcome).toEqual({ code: 1, out: '', err: 'name must be a name of 1 to 80 characters\n' });
  });

  it('without a login lead to it', async () => {
    const elsewhere = {
      XDG_CONFIG_HOME: join(guide.folder, 'none'),
      HOME: guide.folder,
      VESTIBULE_URL: stack.url,
    };
    expect(await startCli(elsewhere, 'applications', 'list').end()).toMatchObject({
      code: 1,
      err: expect.stringContaining('run the command login first'),
    });
  });
});

describe('docs/applications.md', () => {
  /** What the page prints, in a shell where `npx` starts this checkout's command. */
  async function printed(name: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const outcome = await guide.run(blockRunBy(page, spec, name), more);
    expect([outcome.status, outcome.stderr]).toEqual([0, expect.not.stringContaining('rror')]);
    return outcome.stdout;
  }

  it('its commands register an application', async () => {
    const out = await printed('command line');
    expect(out).toMatch(/^client secret +\S{20,}$/m);
    expect(out).toMatch(/^[0-9a-f-]{36} {2}web +Wiki$/m);
  });

  it('its call of the API does so with an API key', async () => {
    const made = await user.post('/api/v1/api-keys', {
      name: 'Applications',
      scope: 'applications:write',
      expiresAt: null,
    });
    const { key: KEY } = z.looseObject({ key: z.string() }).parse(made.json());
    const answer = createdSchema.parse(JSON.parse(await printed('curl', { KEY })));
    expect(answer.clientSecret).toMatch(/^\S{20,}$/);
    expect(
      createdSchema.pick({ id: true }).parse((await user.fetch(`/api/v1/applications/${answer.id}`)).json())
        .id,
    ).toBe(answer.id);
  });
});
