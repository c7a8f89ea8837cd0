import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { Invites } from '../../../src/accounts/invites.js';
import { RecoveryCodeRepository } from '../../../src/accounts/recovery-code.repository.js';
import { SignUpPolicy } from '../../../src/accounts/sign-up.policy.js';
import { DomainAutoJoin } from '../../../src/accounts/domain-auto-join.js';
import { ownFeatures } from '../../../src/app/features.js';
import { createApp } from '../../../src/app/app-setup.js';
import { AuditService } from '../../../src/directory/audit/audit.service.js';
import { loadConfiguration } from '../../../src/platform/config/configuration.js';
import { newId } from '../../../src/platform/core/identifier.js';
import { ServiceClients } from '../../../src/login/service-clients.service.js';
import { assertionGrantType } from '../../../src/session/tokens/token-types.js';
import { OrphanedApplications } from '../../../src/orgs/orphaned-applications.js';
import { Database } from '../../../src/platform/database/database.schema.js';
import type { Feature } from '../../../src/platform/features/feature.js';
import { createLogger } from '../../../src/platform/logging/pino-logger.js';
import { Recorder, Telemetry } from '../../../src/platform/telemetry/telemetry.js';
import { HydraClient } from '../../../src/providers/ory/hydra/hydra.client.js';
import { OryBootstrap } from '../../../src/providers/ory/ory-bootstrap.js';
import { CompanyLogins } from '../../../src/providers/ory/sources/company-logins.js';
import { newSecret, providerEnv } from '../../../src/testing.js';
import { administratorAt } from '../../support/administrator.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { TestDatabases } from '../../support/test.database.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A feature with those that need it, also by way of another one. */
const withDependents = (name: string): readonly Feature[] => {
  const leaves = (feature: Feature): boolean =>
    feature.name === name || ownFeatures.some((other) => feature.needs.includes(other.name) && leaves(other));
  return ownFeatures.filter(leaves);
};
const companyLogins = withDependents('connections').map(({ name }) => name);
const documentSchema = z.looseObject({
  tags: z.array(z.looseObject({ name: z.string() })),
  paths: z.record(z.string(), z.unknown()),
});

const idSchema = z.looseObject({ id: z.string() });

describe('a feature that is left out', () => {
  const secrets = newSecret();
  let databases: TestDatabases;
  let url: string;
  let whole: Gateway;
  let cookie: string;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    url = await databases.create();
    whole = await startGateway({ DATABASE_URL: url, SECRETS: secrets });
    ({ cookie } = await administratorAt(whole));
  });

  afterAll(async () => {
    await whole?.stop();
    await databases?.drop();
  });

  /** Starts the program on the same database, without these features. */
  async function without(
    names: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Awaited<ReturnType<typeof createApp>>> {
    const features = ownFeatures.filter(({ name }) => !names.includes(name));
    const environment = {
      ...providerEnv.ory,
      PUBLIC_URL: whole.configuration.PUBLIC_URL,
      DATABASE_URL: url,
      SECRETS: secrets,
      RATE_LIMIT: 'false',
      ...env,
    };
    const app = await createApp(loadConfiguration(environment, features), { logger: createLogger('silent') });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    return app;
  }

  const leavings: readonly (readonly [string, readonly Feature[]])[] = [
    ...ownFeatures.map(({ name }) => [name, withDependents(name)] as const),
    ['all of them', ownFeatures],
  ];

  it.each(leavings)(
    '%s: the rest starts on the same data, without its settings and operations, and sessions go on',
    async (_, left) => {
      const app = await without(left.map(({ name }) => name));
      const operations = left.flatMap((feature) => Object.keys(feature.groups));
      try {
        const ask = async (path: string) =>
          app.inject({ url: path, headers: { host: 'auth.example.test', cookie } });
        expect((await ask('/api/v1/me')).statusCode).toBe(200);
        expect((await ask('/api/v1/audit-events')).statusCode).toBe(200);
        const groupsOf = (text: string): string[] =>
          documentSchema.parse(JSON.parse(text)).tags.map((tag) => tag.name);
        const groups = groupsOf((await ask('/docs/openapi.json')).body);
        const before = groupsOf((await whole.request('/docs/openapi.json')).text);
        expect(before).toEqual(expect.arrayContaining(operations));
        expect(groups.filter((group) => operations.includes(group))).toEqual([]);
        expect(groups.length).toBeGreaterThan(5);
      } finally {
        await app.close();
      }
    },
  );

  it('connections-oidc: an organisation’s connection of that kind stays in its list, isn’t changed, and can be removed', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const answerSchema = z.looseObject({ id: z.string(), errors: z.unknown() }).partial();
    const callAt =
      (app: Awaited<ReturnType<typeof createApp>>) =>
      async (method: 'DELETE' | 'GET' | 'PATCH' | 'POST', url: string, payload?: object) => {
        const { statusCode, body } = await app.inject({ method, url, headers, ...(payload && { payload }) });
        return { status: statusCode, text: body, ...answerSchema.parse(body === '' ? {} : JSON.parse(body)) };
      };
    const before = callAt(whole.app);
    const org = await before('POST', '/api/v1/orgs', { name: 'Left behind' });
    const path = `/api/v1/orgs/${org.id}/connections`;
    const settings = {
      issuer: 'https://login.example.org',
      client_id: 'vestibule',
      client_secret: 'that nobody sees',
    };
    const made = await before('POST', path, { name: 'Example Ltd.', kind: 'oidc', settings });
    expect([org.status, made.status]).toEqual([201, 201]);
    const app = await without(['connections-oidc']);
    try {
      const call = callAt(app);
      expect((await call('GET', path)).text).toContain(`"id":"${made.id}"`);
      const changed = await call('PATCH', `${path}/${made.id}`, { name: 'Another Ltd.' });
      expect([changed.status, changed.errors]).toEqual([
        400,
        [{ field: 'kind', message: 'is no longer served here' }],
      ]);
      expect((await call('GET', `${path}/${made.id}`)).text).not.toContain(settings.client_secret);
      expect((await call('DELETE', `${path}/${made.id}`)).status).toBe(204);
    } finally {
      await app.close();
    }
  });

  it('second-factor: no policy asks for one, of whomever it was due, and no organisation can require it', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const made = await whole.app.inject({
      method: 'POST',
      url: '/api/v1/orgs',
      headers,
      payload: { name: 'Once strict' },
    });
    const { id } = idSchema.parse(made.json());
    const { query } = whole.app.get(Database, { strict: false });
    await query.updateTable('orgs').set({ second_factor: 'everyone' }).where('id', '=', id).execute();
    await query.updateTable('users').set({ second_factor_since: 1 }).execute();
    const path = `/api/v1/orgs/${id}`;
    const switching = { method: 'POST', url: `${path}/switch`, headers } as const;
    for (const refused of [
      await whole.app.inject({ url: path, headers }),
      await whole.app.inject(switching),
    ]) {
      expect([refused.statusCode, refused.json()]).toMatchObject([
        401,
        { code: 'reauthentication_required' },
      ]);
    }
    const app = await without(['second-factor'], { REQUIRE_SECOND_FACTOR: 'everyone' });
    try {
      const change = async (secondFactor: string) =>
        app.inject({ method: 'PATCH', url: path, headers, payload: { secondFactor } });
      expect((await app.inject({ url: path, headers })).json()).toMatchObject({ secondFactor: 'everyone' });
      const switched = await app.inject(switching);
      expect(switched.statusCode).toBe(200);
      const session = await app.inject({ url: '/auth/session', headers });
      expect(session.json()).toMatchObject({ claims: { roles: ['admin'], scope: 'openid api' } });
      expect(session.json()).not.toHaveProperty('claims.second_factor');
      const settings = await app.inject({ url: `/orgs/${id}/settings`, headers });
      expect([settings.statusCode, settings.body.includes('org-second-factor')]).toEqual([200, false]);
      expect((await app.inject({ url: '/second-factor', headers })).statusCode).toBe(404);
      const refused = await change('admins');
      expect([refused.statusCode, refused.json()]).toMatchObject([
        400,
        { errors: [{ field: 'secondFactor' }] },
      ]);
      expect((await change('none')).json()).toMatchObject({ secondFactor: 'none' });
    } finally {
      await app.close();
    }
  });

  it('organisations: their audit events stay, and are shown and found by their bare names', async () => {
    const headers = { host: 'auth.example.test', cookie, accept: 'text/html' };
    const made = await whole.app.inject({
      method: 'POST',
      url: '/api/v1/orgs',
      headers: { host: headers.host, cookie },
      payload: { name: 'On record' },
    });
    expect(made.statusCode).toBe(201);
    await whole.app.get(AuditService, { strict: false }).flush();
    const query = 'audit-events?type=org_created';
    const app = await without(['organisations']);
    try {
      const summaries = async (of: typeof app) =>
        new Set(
          [
            ...(await of.inject({ url: `/admin/${query}`, headers })).body.matchAll(/<summary>([^<]*) </g),
          ].map(([, words]) => words),
        );
      expect([...(await summaries(whole.app))]).toContain('Organisation created');
      expect([...(await summaries(app))]).toContain('org_created');
      const found = await app.inject({ url: `/api/v1/${query}`, headers: { host: headers.host, cookie } });
      expect([found.statusCode, found.body.includes('"type":"org_created"')]).toEqual([200, true]);
      expect((await app.inject({ url: `/admin/${query}`, headers })).body).toContain(
        '<option value="org_created" selected>org_created</option>',
      );
      const typeOf = async (of: typeof app) =>
        (await of.inject({ url: '/docs/openapi.json', headers })).body.includes('"org_created"');
      expect([await typeOf(whole.app), await typeOf(app)]).toEqual([true, false]);
    } finally {
      await app.close();
    }
  });

  it('applications: their routes are gone, no page leads there, and pages that showed them are whole', async () => {
    const app = await without(['applications']);
    const pagesOf = (of: typeof app) => async (url: string) => {
      const headers = { host: 'auth.example.test', cookie, accept: 'text/html' };
      const { statusCode: status, body: text } = await of.inject({ url, headers });
      return { status, text };
    };
    const [before, after] = [pagesOf(whole.app), pagesOf(app)];
    try {
      const headers = { host: 'auth.example.test', cookie };
      const payload = { name: 'Still here' };
      const { id: org } = idSchema.parse(
        (await app.inject({ method: 'POST', url: '/api/v1/orgs', headers, payload })).json(),
      );
      const { id: user } = idSchema.parse((await app.inject({ url: '/api/v1/me', headers })).json());
      const routes = ['/api/v1/applications', '/api/v1/me/connected-apps', '/admin/applications'];
      for (const path of [...routes, `/orgs/${org}/applications`]) {
        expect([path, (await after(path)).status]).toEqual([path, 404]);
      }
      const trace = /connected-apps|\/applications"/;
      for (const path of [
        '/',
        '/admin/users',
        `/admin/users/${user}`,
        '/admin/audit-events',
        `/orgs/${org}`,
      ]) {
        const [shown, left] = [await before(path), await after(path)];
        expect([path, shown.status, trace.test(shown.text)]).toEqual([path, 200, true]);
        expect([path, left.status, trace.test(left.text)]).toEqual([path, 200, false]);
      }
      expect((await after(`/orgs/${org}`)).text).toContain(`/orgs/${org}/connections`);
    } finally {
      await app.close();
    }
  });

  it('applications: a key with a scope of theirs stays, is listed, and opens what its other scopes open', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const path = '/api/v1/api-keys';
    const scope = 'applications:read profile:read';
    const payload = { name: 'Left behind', scope };
    const made = await whole.app.inject({ method: 'POST', url: path, headers, payload });
    const { id, key } = z.looseObject({ id: z.string(), key: z.string() }).parse(made.json());
    const withKey = { host: headers.host, 'x-api-key': key };
    expect((await whole.app.inject({ url: '/api/v1/applications', headers: withKey })).statusCode).toBe(200);
    const scopesOf = async (of: typeof whole.app) =>
      z
        .looseObject({ scopes_supported: z.array(z.string()) })
        .parse((await of.inject({ url: '/.well-known/oauth-protected-resource', headers })).json())
        .scopes_supported.filter((name) => name.startsWith('applications:'));
    const app = await without(['applications']);
    try {
      const listed = await app.inject({ url: path, headers });
      expect(listed.json()).toMatchObject({
        items: expect.arrayContaining([expect.objectContaining({ id, scope })]),
      });
      expect((await app.inject({ url: '/', headers })).body).toContain(`<code>${scope}</code>`);
      expect((await app.inject({ url: '/api/v1/me', headers: withKey })).statusCode).toBe(200);
      expect((await app.inject({ url: '/api/v1/applications', headers: withKey })).statusCode).toBe(404);
      expect([await scopesOf(whole.app), await scopesOf(app)]).toEqual([
        ['applications:read', 'applications:write'],
        [],
      ]);
      expect((await app.inject({ method: 'DELETE', url: `${path}/${id}`, headers })).statusCode).toBe(204);
    } finally {
      await app.close();
    }
  });

  it('applications: a machine that Hydra keeps may call as before, and what a deleted organisation had is removed', async () => {
    const [machine, orphan] = [newId(), newId()];
    const app = await without(['applications']);
    try {
      const hydra = app.get(HydraClient, { strict: false });
      const own = { kind: 'machine', access: 'everyone', roles: [], remember_consent: true };
      const client = {
        client_id: machine,
        client_name: 'Nightly report',
        scope: 'users:read',
        token_endpoint_auth_method: 'client_secret_basic',
        metadata: { application: { ...own, created_by: newId(), created_at: 1 } },
      };
      const find = vi.spyOn(hydra, 'client').mockResolvedValue(client);
      const scopeOf = async () => app.get(ServiceClients, { strict: false }).scopeOf(machine);
      expect(await scopeOf()).toEqual(['users:read']);
      find.mockResolvedValue({ ...client, owner: newId() });
      expect(await scopeOf()).toEqual([]);

      const { query } = app.get(Database, { strict: false });
      const secret = { application_id: orphan, secret_hash: 'a', sealed: 'b', expires_at: null };
      await query.insertInto('application_secrets').values(secret).execute();
      const kept = {
        id: orphan,
        kind: 'application',
        org_id: newId(),
        name: 'Wiki',
        first_party: 0,
      } as const;
      await query
        .insertInto('oauth_clients')
        .values({ ...kept, created_at: 1, used_at: null })
        .execute();
      const remove = vi.spyOn(hydra, 'removeClient').mockResolvedValue();
      await app.get(OrphanedApplications, { strict: false }).remove();
      expect(remove).toHaveBeenCalledWith(orphan);
      const secrets = query.selectFrom('application_secrets').where('application_id', '=', orphan);
      const clients = query.selectFrom('oauth_clients').where('id', '=', orphan);
      expect(await secrets.selectAll().execute()).toEqual([]);
      expect(await clients.selectAll().execute()).toEqual([]);
    } finally {
      await app.close();
    }
  });

  it('connections: without them, an organisation has no page of connections, and a login begins with the account of this site', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const { app: before } = whole;
    const payload = { name: 'Without connections' };
    const made = await before.inject({ method: 'POST', url: '/api/v1/orgs', headers, payload });
    const { id } = idSchema.parse(made.json());
    const page = { url: `/orgs/${id}`, headers };
    const link = `href="/orgs/${id}/connections"`;
    expect((await before.inject(page)).body).toContain(link);
    const app = await without(companyLogins);
    try {
      const { statusCode, body } = await app.inject(page);
      expect([statusCode, body.includes(link)]).toEqual([200, false]);
      for (const path of [
        `/api/v1/orgs/${id}/connections`,
        `/orgs/${id}/connections`,
        '/auth/connections/x/login',
      ]) {
        expect([path, (await app.inject({ url: path, headers })).statusCode]).toEqual([path, 404]);
      }
      expect(app.get(CompanyLogins, { strict: false }).source).toBeUndefined();
    } finally {
      await app.close();
    }
  });

  it('organisations: memberships and invites are as they were, but nobody manages one, and nobody joins by domain', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const { app: before } = whole;
    const post = async (of: typeof before, url: string, payload: object) => {
      const answer = await of.inject({ method: 'POST', url, headers, payload });
      return { status: answer.statusCode, text: answer.body };
    };
    const { id } = idSchema.parse(
      JSON.parse((await post(before, '/api/v1/orgs', { name: 'Still here' })).text),
    );
    const { query } = before.get(Database, { strict: false });
    const domain = `${newId()}.example`;
    const confirmed = { domain, claimed_domain: domain, domain_proof: 'administrator' } as const;
    await query
      .updateTable('orgs')
      .set({ ...confirmed, join_policy: 'domain' })
      .where('id', '=', id)
      .execute();
    const ada = await whole.session({ email: `ada@${domain}`, emailVerified: true });
    const grace = await whole.session();
    const invited = await post(before, `/api/v1/orgs/${id}/invites`, { role: 'member' });
    const link = z.looseObject({ url: z.url() }).parse(JSON.parse(invited.text)).url;
    const invite = new URL(link).searchParams.get('invite') ?? '';
    const client = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };
    const app = await without(['organisations']);
    try {
      for (const path of [
        '/api/v1/orgs',
        `/api/v1/orgs/${id}`,
        `/api/v1/orgs/${id}/members`,
        `/api/v1/orgs/${id}/api-keys`,
        '/api/v1/me/invites',
        '/admin/orgs',
        '/orgs/new',
        `/orgs/${id}`,
        `/orgs/${id}/settings`,
        `/orgs/${id}/connections`,
      ]) {
        expect([path, (await app.inject({ url: path, headers })).statusCode]).toEqual([path, 404]);
      }
      expect((await app.inject({ url: '/api/v1/me/orgs?limit=100', headers })).body).toContain(id);
      expect((await app.inject({ url: `/api/v1/orgs/${id}/connections`, headers })).statusCode).toBe(200);

      const { id: self } = idSchema.parse((await app.inject({ url: '/api/v1/me', headers })).json());
      const trace = /(?:href|action)="\/(?:admin\/)?orgs|name="org"/;
      for (const url of ['/', '/admin/users', `/admin/users/${self}`, '/admin/invite']) {
        const [shown, left] = [await before.inject({ url, headers }), await app.inject({ url, headers })];
        expect([url, shown.statusCode, trace.test(shown.body)]).toEqual([url, 200, true]);
        expect([url, left.statusCode, trace.test(left.body)]).toEqual([url, 200, false]);
      }

      const joins = (of: typeof before) => of.get(DomainAutoJoin, { strict: false }).join(ada.user, client);
      expect([await joins(app), await joins(before)]).toEqual(['none', 'joined']);

      const alone = await post(app, '/api/v1/invites', { email: `${newId()}@example.test` });
      expect([alone.status, alone.text]).toEqual([201, expect.stringContaining('/invitation?invite=')]);
      const accepted = await app.inject({
        method: 'POST',
        url: '/invitation',
        headers: {
          host: headers.host,
          cookie: grace.cookie,
          origin: new URL(whole.configuration.PUBLIC_URL).origin,
          'content-type': 'application/x-www-form-urlencoded',
        },
        payload: new URLSearchParams({ invite, return_to: '/' }).toString(),
      });
      expect([accepted.statusCode, accepted.headers.location]).toEqual([303, '/']);
      const ofGrace = { ...headers, cookie: grace.cookie };
      expect((await app.inject({ url: '/api/v1/me/orgs', headers: ofGrace })).body).toContain(id);
    } finally {
      await app.close();
    }
  });

  it('token-exchange: there is no token endpoint, and clients of protected resources are told the provider’s', async () => {
    const headers = { host: 'auth.example.test' };
    const metadata = { url: '/.well-known/oauth-authorization-server', headers };
    const tokenRequest = { method: 'POST', url: '/auth/token', headers } as const;
    const { PUBLIC_URL: issuer } = whole.configuration;
    const names = withDependents('token-exchange').map(({ name }) => name);
    const PROTECTED_RESOURCES = JSON.stringify([{ resource: 'https://notes.example/mcp', scopes: {} }]);
    expect((await whole.app.inject(metadata)).json()).toMatchObject({
      token_endpoint: `${issuer}/auth/token`,
      authorization_endpoint: `${issuer}/auth/cli`,
    });
    const [alone, withResources] = [await without(names), await without(names, { PROTECTED_RESOURCES })];
    try {
      expect((await alone.inject(tokenRequest)).statusCode).toBe(404);
      const stated = (await alone.inject(metadata)).json();
      expect(stated).toMatchObject({ issuer, jwks_uri: `${issuer}/.well-known/jwks.json` });
      expect(stated).not.toHaveProperty('token_endpoint');
      expect(stated).not.toHaveProperty('grant_types_supported');
      expect((await withResources.inject(metadata)).json()).toMatchObject({
        token_endpoint: `${issuer}/ory/hydra/oauth2/token`,
        grant_types_supported: [assertionGrantType, 'authorization_code', 'refresh_token'],
      });
    } finally {
      await alone.close();
      await withResources.close();
    }
  });

  it('user-administration: nobody manages users, no page leads there, and who was shut out stays so', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const [grace, ada] = [await whole.session(), await whole.session()];
    const path = `/api/v1/users/${grace.user.id}`;
    const disabled = await whole.app.inject({ method: 'POST', url: `${path}/disable`, headers });
    expect(disabled.statusCode).toBe(200);
    const flow = newId();
    await whole.app
      .get(RecoveryCodeRepository, { strict: false })
      .note(flow, ada.user.id, Date.now() + 60_000);
    const trail = whole.app.get(AuditService, { strict: false });
    for (const { auditEvents } of withDependents('user-administration')) {
      for (const { type } of Object.values(auditEvents)) {
        await trail.record({ type, userId: grace.user.id });
      }
    }
    await trail.flush();
    const app = await without(['user-administration']);
    const get = async (of: typeof app, url: string, by = cookie) =>
      of.inject({ url, headers: { host: headers.host, cookie: by } });
    try {
      for (const [method, url] of [
        ['GET', '/api/v1/users'],
        ['GET', path],
        ['PATCH', path],
        ['DELETE', path],
        ['POST', `${path}/disable`],
        ['POST', `${path}/enable`],
        ['GET', `${path}/sessions`],
        ['DELETE', `${path}/sessions`],
        ['GET', `${path}/api-keys`],
        ['POST', `${path}/recovery`],
        ['DELETE', `${path}/second-factors`],
        ['GET', '/admin/users'],
        ['GET', `/admin/users/${grace.user.id}`],
        ['POST', `/admin/users/${grace.user.id}/enable`],
      ] as const) {
        expect([method, url, (await app.inject({ method, url, headers })).statusCode]).toEqual([
          method,
          url,
          404,
        ]);
      }
      expect((await get(app, '/api/v1/me', grace.cookie)).statusCode).toBe(401);
      const codes = app.get(RecoveryCodeRepository, { strict: false });
      await expect(codes.requireMaker(flow)).rejects.toMatchObject({ code: 'gone' });

      const starts = await Promise.all([whole.app, app].map(async (of) => get(of, '/admin')));
      expect(starts.map(({ headers: { location } }) => location)).toEqual(['/admin/users', '/admin/invite']);
      const events = '/admin/audit-events?type=recovery_code_created';
      for (const url of ['/', '/admin/invite', '/admin/audit-events', events, '/admin/keys']) {
        const [shown, left] = [await get(whole.app, url), await get(app, url)];
        expect([url, shown.statusCode, shown.body.includes('"/admin/users')]).toEqual([url, 200, true]);
        expect([url, left.statusCode, left.body.includes('"/admin/users')]).toEqual([url, 200, false]);
        expect([url, left.body.includes('href="/admin/invite"')]).toEqual([url, true]);
      }
      expect((await get(app, events)).body).toContain('recovery_code_created');
    } finally {
      await app.close();
    }
  });

  it('invites: one that was made lets nobody in, no page leads to them, and sign-up by invite is shut', async () => {
    const headers = { host: 'auth.example.test', cookie };
    const email = `${newId()}@example.test`;
    const made = await whole.app.inject({
      method: 'POST',
      url: '/api/v1/invites',
      headers,
      payload: { email },
    });
    const { id, url } = z.looseObject({ id: z.string(), url: z.url() }).parse(made.json());
    const token = new URL(url).searchParams.get('invite') ?? '';
    const grace = await whole.session({ email, emailVerified: true });
    const client = { requestId: newId(), remoteAddress: '127.0.0.1', userAgent: null };
    const left = withDependents('invites').map(({ name }) => name);
    const [app, other] = [await without(left, { SIGNUP: 'invite' }), await without([], { SIGNUP: 'invite' })];
    try {
      const pages = ['/admin/invite', `/invitation?invite=${token}`, '/api/v1/invites'];
      const statuses = async (of: typeof app) =>
        Promise.all(pages.map(async (page) => (await of.inject({ url: page, headers })).statusCode));
      expect([await statuses(other), await statuses(app)]).toEqual([
        [200, 200, 200],
        [404, 404, 404],
      ]);
      const users = async (of: typeof app) => (await of.inject({ url: '/admin/users', headers })).body;
      const link = 'href="/admin/invite"';
      expect([(await users(other)).includes(link), (await users(app)).includes(link)]).toEqual([true, false]);

      const address = { email, emailVerified: true };
      const signUp = async (of: typeof app) =>
        of.get(SignUpPolicy, { strict: false }).requireAdmitted(address, { token }, false);
      expect(await signUp(other)).toBeTypeOf('function');
      await expect(signUp(app)).rejects.toMatchObject({ code: 'signup_refused' });
      const accept = app.get(Invites, { strict: false }).feature.accept(grace.user, token, client);
      await expect(accept).rejects.toMatchObject({ code: 'gone' });

      const events = await app.inject({ url: '/api/v1/audit-events?type=invite_created', headers });
      expect([events.statusCode, events.body.includes(id)]).toEqual([200, true]);
    } finally {
      await app.close();
      await other.close();
    }
  });

  it('metrics: no caller may read them, and nothing is counted', async () => {
    const app = await without(['metrics'], { METRICS: 'on' });
    const other = await without([], { METRICS: 'on' });
    const headers = { host: '10.1.2.3:3000' };
    const status = async (of: typeof app) => (await of.inject({ url: '/metrics', headers })).statusCode;
    const recorder = (of: typeof app) => of.get(Telemetry, { strict: false }).recorder.constructor;
    try {
      expect([await status(other), await status(app)]).toEqual([200, 404]);
      expect([recorder(other) === Recorder, recorder(app) === Recorder]).toEqual([false, true]);
    } finally {
      await app.close();
      await other.close();
    }
  });

  it('tracing: calls to upstreams belong to no trace', async () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:9';
    const app = await without(['tracing'], { OTEL_EXPORTER_OTLP_ENDPOINT });
    const other = await without([], { OTEL_EXPORTER_OTLP_ENDPOINT });
    const headersOf = (of: typeof app) => {
      const call = of
        .get(Telemetry, { strict: false })
        .tracing.begin({ upstream: 'kratos', operation: 'GET' });
      call.end(200);
      return Object.keys(call.headers);
    };
    try {
      expect([headersOf(other), headersOf(app)]).toEqual([['traceparent'], []]);
    } finally {
      await app.close();
      await other.close();
    }
  });

  it('protected-resources: clients that registered themselves, which Hydra may still have, get no code and no token', async () => {
    const names = withDependents('protected-resources').map(({ name }) => name);
    const PROTECTED_RESOURCES = JSON.stringify([{ resource: 'https://notes.example/mcp', scopes: {} }]);
    const app = await without(names, { PROTECTED_RESOURCES });
    vi.spyOn(app.get(OryBootstrap, { strict: false }), 'requireKeys').mockResolvedValue();
    try {
      const headers = { host: 'auth.example.test' };
      const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
      const refusal = [400, { code: 'malformed_request', detail: expect.stringContaining('it is unknown') }];
      for (const id of ['https://helper.example/client.json', `cimd-${'a'.repeat(43)}`, `dcr-${newId()}`]) {
        const asked = { client_id: id, response_type: 'code', redirect_uri: 'http://127.0.0.1/' };
        const url = `/ory/hydra/oauth2/auth?${new URLSearchParams(asked)}`;
        const code = await app.inject({ url, headers });
        expect([code.statusCode, code.json()]).toMatchObject(refusal);
        const grant = { grant_type: 'authorization_code', code: 'given-before', client_id: id };
        const token = await app.inject({
          method: 'POST',
          url: '/ory/hydra/oauth2/token',
          headers: form,
          payload: String(new URLSearchParams(grant)),
        });
        expect([token.statusCode, token.json()]).toMatchObject(refusal);
        const named = await app.inject({
          method: 'POST',
          url: '/ory/hydra/oauth2/token',
          headers: { ...form, authorization: `Basic ${btoa(`${encodeURIComponent(id)}:`)}` },
          payload: 'grant_type=authorization_code&code=given-before',
        });
        expect([named.statusCode, named.json()]).toMatchObject(refusal);
      }
      const metadata = await app.inject({ url: '/.well-known/oauth-authorization-server', headers });
      expect(metadata.json()).toMatchObject({ token_endpoint: expect.stringMatching(/\/auth\/token$/) });
      expect(metadata.json()).not.toHaveProperty('protected_resources');
      expect(metadata.json()).not.toHaveProperty('client_id_metadata_document_supported');
    } finally {
      await app.close();
    }
  });

  it('agents: a client with a metadata document is refused, although Hydra may still have it', async () => {
    const resource = 'https://notes.example/mcp';
    const PROTECTED_RESOURCES = JSON.stringify([{ resource, scopes: { read: 'Read your notes' } }]);
    const app = await without(['agents'], { PROTECTED_RESOURCES });
    vi.spyOn(app.get(OryBootstrap, { strict: false }), 'requireKeys').mockResolvedValue();
    try {
      const headers = { host: 'auth.example.test' };
      for (const id of ['https://helper.example/client.json', `cimd-${'a'.repeat(43)}`]) {
        const asked = { client_id: id, resource, response_type: 'code', redirect_uri: 'http://127.0.0.1/' };
        const url = `/ory/hydra/oauth2/auth?${new URLSearchParams(asked)}`;
        const answer = await app.inject({ url, headers });
        expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'malformed_request' }]);
      }
      const metadata = await app.inject({ url: '/.well-known/oauth-authorization-server', headers });
      expect(metadata.json()).toMatchObject({ protected_resources: [resource] });
      expect(metadata.json()).not.toHaveProperty('client_id_metadata_document_supported');
    } finally {
      await app.close();
    }
  });
});

it('the source without any folder of a feature, and with an empty list, compiles', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-core-'));
  try {
    for (const name of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
      await cp(join(root, name), join(folder, name), { recursive: true });
    }
    for (const name of ['node_modules', 'scripts']) {
      symlinkSync(join(root, name), join(folder, name));
    }
    const features = join(folder, 'src', 'features');
    expect(readdirSync(features).length).toBe(ownFeatures.length);
    rmSync(features, { recursive: true });
    writeFileSync(
      join(folder, 'src/app/features.ts'),
      "import type { Feature } from '../platform/features/feature.js';\n\nexport const ownFeatures: readonly Feature[] = [];\n",
    );
    const tsc = join(root, 'scripts/tsc.mjs');
    const { status, stdout } = spawnSync(
      process.execPath,
      [tsc, '-p', 'tsconfig.build.json', '--noEmit', '--incremental', 'false'],
      { cwd: folder, encoding: 'utf8' },
    );
    expect([status, stdout]).toEqual([0, '']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 600_000);
