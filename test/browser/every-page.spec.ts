import { existsSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { axeViolations } from '../support/axe.js';
import { z } from 'zod';
import { namelessIn, overflowOf } from '../support/browser.js';
import { letIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { listRoutes } from '../support/route.list.js';
import { UserAgent } from '../support/user-agent.js';
import { keyOf } from '../support/world.js';

const stage = useStage({
  stack: {
    env: {
      DYNAMIC_REGISTRATION: 'true',
      PROTECTED_RESOURCES: JSON.stringify([
        { resource: 'https://notes.example/mcp', scopes: { 'notes:read': 'Read your notes' } },
      ]),
    },
  },
});
const words = 'An Exceptionally Long Name That Hardly Fits Anywhere At All Of Somebody-Or-Other';
const person = { ...newPerson(), name: `${words} ${'x'.repeat(60)}` };
let consent = '';
let org = '';
let application = '';
let agent = '';
/** The paths of all pages that were looked at. */
const seen = new Set<string>();
/** Addresses that are known once the test runs. */
const addressOf = (path: string): string =>
  path === 'consent'
    ? consent
    : path
        .replace(/^org(?!s)/, org)
        .replace('APPLICATION', application)
        .replace('AGENT', agent);

beforeAll(async () => {
  const owner = new UserAgent(stage.stack.url);
  await new OryAdmin(stage.stack.env).createPerson(person, { isVerified: true });
  await logIn(owner, person);
  const made = await owner.post('/api/v1/orgs', { name: `${words} ${'y'.repeat(60)}` });
  const { id } = z.looseObject({ id: z.string() }).parse(made.json());
  org = `/orgs/${id}`;
  await owner.post(`/api/v1/orgs/${id}/invites`, { role: 'admin' });
  await owner.post(`/api/v1/orgs/${id}/api-keys`, { name: words, scope: 'orgs:read' });
  const registered = await owner.post(`/api/v1/orgs/${id}/applications`, {
    name: `${words.slice(0, 60)} ${'z'.repeat(19)}`,
    kind: 'web',
    redirectUris: [`https://${'long.'.repeat(12)}example/${'path/'.repeat(20)}callback`],
  });
  application = z.looseObject({ id: z.string() }).parse(registered.json()).id;
  const itself = await fetch(`${stage.stack.url}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: words.slice(0, 60),
      redirect_uris: ['http://127.0.0.1:4321/callback'],
    }),
  });
  agent = z.looseObject({ client_id: z.string() }).parse(await itself.json()).client_id;
  const redirectUri = 'https://calendar.example/back';
  const client = await new OryAdmin(stage.stack.env).createClient({
    client_name: `Calendar ${'and more '.repeat(9)}`,
    redirect_uris: [redirectUri],
  });
  consent = new OAuthApp(stage.stack.url, client, redirectUri).authorize({ audience: undefined }).path;
});

const visitor = ['/', '/auth/login', '/auth/signup', '/ui/recovery', '/ui/verification', '/demo', '/nowhere'];
const member = [
  '/',
  '/?notice=invite_over',
  '/account/delete',
  '/invitation?invite=x',
  '/ui/second-factor',
  '/device',
  '/device?user_code=BCDF-GHJK',
  '/orgs/new',
  'org',
  'org/invites',
  'org/api-keys',
  'org/applications',
  'org/applications/new',
  'org/applications/APPLICATION',
  'org/applications/APPLICATION/remove',
  'org/settings',
  'org/leave',
  'org/delete',
  '/ui/settings',
  '/ui/verification',
  '/ui/error?error=server_error',
  '/demo',
  'consent',
  // Hydra asks whether the user wants to log out (OpenID Connect RP-Initiated Logout).
  '/ory/hydra/oauth2/sessions/logout',
];

/** @param self id of the administrator. @param other id of somebody else. */
const administrator = (self: string, other: string): readonly string[] => [
  '/admin/users',
  '/admin/users?search=%01',
  `/admin/users/${self}`,
  `/admin/users/${other}`,
  `/admin/users/${other}/delete`,
  `/admin/users/${other}/recovery`,
  `/admin/users/${other}/second-factors`,
  '/admin/invite',
  '/admin/orgs',
  '/admin/orgs?search=%01',
  '/admin/applications',
  '/admin/applications/new',
  '/admin/applications/agents',
  '/admin/applications/agents/AGENT',
  '/admin/applications/APPLICATION',
  '/admin/applications/APPLICATION/remove',
  '/admin/audit-events',
  '/admin/audit-events?type=login_succeeded&actor=x',
  '/admin/keys',
];

/** Routes for browsers that show no page of ours, each with what they do. */
const noPages: Readonly<Record<string, string>> = {
  '/.vestibule/callback': 'leads on',
  '/.vestibule/login': 'leads on',
  '/admin': 'leads to the first of its pages',
  '/assets/:file': 'a file',
  '/auth/connections/:id/callback': 'leads on',
  '/auth/connections/:id/login': 'leads on',
  '/auth/connections/:id/metadata': 'a document',
  '/auth/connections/:id/slo': 'leads on',
  '/auth/ory/consent': 'leads on',
  '/auth/ory/login': 'leads on',
  '/auth/ory/logout': 'leads on',
  '/auth/ory/session-question/admin/oauth2/auth/requests/login': 'for Kratos',
  '/auth/verify/*': 'for proxies',
  '/docs/openapi.json': 'a document',
  '/favicon.ico': 'a file',
  '/health/reach': 'for the doctor',
  '/ory/hydra': 'Hydra',
  '/ory/hydra/': 'Hydra',
  '/ory/hydra/*': 'Hydra',
  '/ory/kratos': 'Kratos',
  '/ory/kratos/': 'Kratos',
  '/ory/kratos/*': 'Kratos',
};

/** Pages that need more than a visit: the test that opens them in Chromium. */
const openedIn: Readonly<Record<string, string>> = {
  '/auth/cli': 'test/journeys/readme-commands.spec.ts',
  '/device/callback': 'src/features/device-login/test/extended/journeys/television.spec.ts',
  '/docs': 'test/browser/api-docs.spec.ts',
  '/invitation/accepted':
    'src/features/organisations/test/extended/journeys/invited-as-an-existing-user.spec.ts',
  '/orgs/:id/connections': 'src/features/connections/test/extended/browser/org-connections.spec.ts',
  '/orgs/:id/connections/:connectionId':
    'src/features/connections/test/extended/browser/org-connections.spec.ts',
  '/orgs/:id/connections/:connectionId/remove':
    'src/features/connections-oidc/test/extended/journeys/owner-connects-company.spec.ts',
  '/orgs/:id/connections/new': 'src/features/connections/test/extended/browser/org-connections.spec.ts',
  '/second-factor': 'src/features/second-factor/test/extended/journeys/second-factor-policy.spec.ts',
  '/ui/connections/:id': 'src/features/connections-ldap/test/extended/journeys/air-gapped-ldap.spec.ts',
  '/ui/identify': 'src/features/connections-ldap/test/extended/journeys/air-gapped-ldap.spec.ts',
};

async function look(paths: readonly string[]): Promise<void> {
  const { page, stack } = stage;
  // German words are longer, and the pages that fit in English may not in German.
  const german = await stage.other({
    locale: 'de-DE',
    storageState: await page.context().storageState(),
    viewport: { width: 320, height: 720 },
  });
  // Colours are looked at, and not the moment between two of them.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const path of paths) {
    await page.goto(stack.url + addressOf(path));
    seen.add(new URL(page.url()).pathname);
    if (path === '/demo') {
      // Its script shows this button once it knows who is there.
      await page.locator('[data-action=me]').waitFor();
    }
    expect({ path, nameless: await namelessIn(page) }).toEqual({ path, nameless: [] });
    expect({ path, headings: await page.getByRole('heading', { level: 1 }).count() }).toEqual({
      path,
      headings: 1,
    });
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 720 });
      expect({ path, width, overflow: await overflowOf(page) }).toEqual({ path, width, overflow: 0 });
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const about = colorScheme === 'light' ? 'everything' : 'colours';
      expect({ path, colorScheme, found: await axeViolations(page, about) }).toEqual({
        path,
        colorScheme,
        found: [],
      });
    }
    await german.goto(stack.url + addressOf(path));
    expect({ path, german: await overflowOf(german) }).toEqual({ path, german: 0 });
  }
}

// Fifteen pages, each in three widths, two colour schemes and two languages: half a minute beside other tests.
const lookLimit = { timeout: 120_000 };

describe(
  'every page fits a window of 320, 768 and 1280 pixels, and axe finds nothing wrong with it in light and in dark',
  lookLimit,
  () => {
    it('for a visitor', async () => {
      await look(visitor);
      expect(stage.watch.violations).toEqual([]);
    });

    it('for a user with a very long name', async () => {
      await letIn(stage.page, stage.stack.url, person);
      await look(member);
      expect(stage.watch.violations).toEqual([]);
    });

    it('for an administrator', async () => {
      const { query } = stage.stack.app().get(Database, { strict: false });
      const { id } = await query
        .updateTable('users')
        .set({ role: 'admin' })
        .where('email', '=', person.email)
        .returning('id')
        .executeTakeFirstOrThrow();
      const other = newPerson();
      await signUp(new UserAgent(stage.stack.url), { ...other, name: words });
      const { id: otherId } = await query
        .selectFrom('users')
        .select('id')
        .where('email', '=', other.email)
        .executeTakeFirstOrThrow();
      await keyOf(stage.stack.app(), otherId, 'profile:read orgs:read keys:read');
      await letIn(stage.page, stage.stack.url, person);
      await look(administrator(id, otherId));
      expect(stage.watch.violations).toEqual([]);
    });
  },
);

it('no page was left out: every other route for browsers is none, or is opened by another test', async () => {
  const document = z
    .looseObject({ paths: z.record(z.string(), z.unknown()) })
    .parse(await fetch(`${stage.stack.url}/docs/openapi.json`).then(async (answer) => answer.json()));
  const documented = new Set(Object.keys(document.paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1')));
  const fastify: FastifyInstance = stage.stack.app().getHttpAdapter().getInstance();
  const pages = listRoutes(fastify)
    .filter(({ method, pattern }) => method === 'GET' && !documented.has(pattern))
    .map(({ pattern }) => pattern);
  const isLookedAt = (pattern: string): boolean => {
    const form = new RegExp(`^${pattern.replaceAll(/:\w+/g, '[^/]+')}$`);
    return [...seen].some((path) => form.test(path));
  };
  const others = pages.filter((pattern) => !isLookedAt(pattern)).toSorted();
  expect(others).toEqual([...Object.keys(noPages), ...Object.keys(openedIn)].toSorted());
  expect(Object.values(openedIn).filter((spec) => !existsSync(spec))).toEqual([]);
});
