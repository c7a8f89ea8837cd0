import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { UsersService } from '../../src/directory/users/users.service.js';
import { kratosIssuer } from '../../src/providers/ory/kratos/kratos-session.js';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import { SelfCheck } from '../../src/doctor/self.check.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { findCodes, runDoctor } from '../support/doctor.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { type FrontProxy, startFrontProxy } from '../support/front.proxy.js';
import { startOddOry } from '../support/odd.ory.js';
import { newSecret } from '../support/gateway.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newId } from '../../src/platform/core/identifier.js';
import { newPerson } from '../support/person.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { type Stack, startStack } from '../support/stack.js';
import { ownFeatures } from '../../src/app/features.js';

const closedUrl = 'http://127.0.0.1:2';
const canary = `canary-${randomBytes(12).toString('hex')}`;
const adminEmail = `${canary}@example.test`;
const adminPassword = randomBytes(18).toString('base64url');

let stack: Stack;
let front: FrontProxy;
let redis: RedisServer;
let fresh: FreshDatabase;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  stack = await startStack({
    publicUrl: `http://localhost:${port}`,
    env: { TRUST_PROXY: '127.0.0.1,::1', ADMIN_EMAIL: adminEmail, ADMIN_PASSWORD: adminPassword },
  });
  front = await startFrontProxy(port, stack.url);
  redis = await startRedis(inject('redisServerPath'));
  fresh = await freshDatabase('sqlite', '');
});

afterEach(() => front?.set());

afterAll(async () => {
  await front?.stop();
  await stack?.stop();
  await redis?.remove();
  await fresh?.drop();
});

const find = (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> =>
  findCodes({ ...stack.env, ...env });

async function changeClient(id: string, path: string, value: unknown): Promise<void> {
  const answer = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ op: 'replace', path, value }]),
  });
  expect(answer.status).toBe(200);
}

async function clientAtHydra(id: string): Promise<unknown> {
  return (await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`)).json();
}

describe('vestibule doctor', () => {
  it('prints only `all good` for a healthy deployment', async () => {
    expect(await runDoctor(stack.env)).toEqual({ code: 0, out: 'all good\n' });
    expect(JSON.parse((await runDoctor(stack.env, '--json')).out)).toEqual({ ok: true, findings: [] });
  });

  it('names the identities whose address has an invisible character or a control character, is in quotes, or has two signs @, and no address [L33]', async () => {
    const { query } = stack.app().get(Database, { strict: false });
    const users = stack.app().get(UsersService, { strict: false });
    const subjects: string[] = [];
    const ids: string[] = [];
    for (const email of [
      `${canary}\u200B@example.test`,
      `"${canary}"@example.test`,
      `${canary}\u0001@example.test`,
      `${canary}@${canary}@example.test`,
    ]) {
      const subject = randomUUID();
      const person = { email, emailVerified: false, name: null, picture: null };
      const { user } = await users.recordLogin({ issuer: kratosIssuer, subject, ...person });
      subjects.push(subject);
      ids.push(user.id);
    }
    const { out } = await runDoctor(stack.env);
    expect(subjects.filter((subject) => !out.includes(subject))).toEqual([]);
    expect(out).toContain('identities ');
    expect(out).not.toContain(canary);
    await query.deleteFrom('users').where('id', 'in', ids).execute();
    expect(await find()).toEqual([]);
  });

  it('tries the connections out, and names the one that fails', async () => {
    const connection = {
      id: 'company',
      kind: 'oidc',
      name: 'Example Ltd.',
      issuer: closedUrl,
      client_id: 'vestibule',
      client_secret: canary,
    };
    const { out } = await runDoctor({ ...stack.env, CONNECTIONS: JSON.stringify([connection]) });
    expect(out).toContain('connections:connection_fails');
    expect(out).toContain('company, 127.0.0.1:2: It could not be reached');
    expect(out).not.toContain(canary);
  });

  it('finds whatever else a Hydra client has, and repairs all of it', async () => {
    const known: string[] = [];
    for (const [id, path, value, code] of [
      ['vestibule-spa', '/grant_types', ['implicit'], 'grant_types'],
      ['vestibule', '/token_endpoint_auth_method', 'client_secret_post', 'auth_method'],
      ['vestibule-spa', '/audience', [], 'audience'],
      ['vestibule', '/scope', 'openid', 'scope'],
      ['vestibule', '/backchannel_logout_uri', 'https://other.example/logout', 'logout_url'],
      ['vestibule', '/skip_consent', false, 'consent'],
    ] as const) {
      await changeClient(id, path, value);
      known.push(`hydra_client_${code}`);
      expect(await find()).toEqual(known.toSorted());
    }
    expect(await runDoctor(stack.env, '--fix')).toEqual({ code: 0, out: 'all good\n' });
  });

  it('finds another secret at Hydra, and repairs it', async () => {
    await changeClient('vestibule', '/client_secret', 'another-secret-altogether');
    expect(await find()).toEqual(['hydra_client_secret']);
    expect(await runDoctor(stack.env, '--fix')).toEqual({ code: 0, out: 'all good\n' });
  });

  it('finds other redirect URIs at Hydra, and repairs them', async () => {
    await changeClient('vestibule', '/redirect_uris', [`${stack.env['PUBLIC_URL']}/callback`]);
    expect(await find()).toEqual(['hydra_client_redirect_uris']);
    expect(await runDoctor(stack.env, '--fix')).toEqual({ code: 0, out: 'all good\n' });
  });

  it.each([
    ['nothing answers at its PUBLIC_URL', { PUBLIC_URL: 'http://localhost:1' }],
    ['another deployment answers there', { SECRETS: newSecret() }],
  ])('--fix changes nothing where %s', async (_, env) => {
    const before = await clientAtHydra('vestibule');
    const { code, out } = await runDoctor({ ...stack.env, ...env }, '--fix');
    expect(code).toBe(1);
    expect(out).toContain('error    repair_refused\n');
    expect(await clientAtHydra('vestibule')).toEqual(before);
    expect(await runDoctor(stack.env)).toEqual({ code: 0, out: 'all good\n' });
  });

  it.each(['vestibule', 'vestibule-spa'])('finds that the client %s is missing', async (id) => {
    await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${id}`, { method: 'DELETE' });
    expect(await find()).toEqual(['hydra_client_missing']);
    const { code, out } = await runDoctor(stack.env);
    expect(code).toBe(1);
    expect(out).toContain(`error    hydra_client_missing\n`);
    expect(out).toContain(id);
    expect(await runDoctor(stack.env, '--fix')).toEqual({ code: 0, out: 'all good\n' });
  });

  it.each([
    ['hydra', { URLS_SELF_ISSUER: 'http://localhost:1/other' }, 'issuer_mismatch'],
    ['hydra', { URLS_SELF_PUBLIC: 'http://localhost:1/other' }, 'authorization_endpoint_mismatch'],
    ['hydra', { URLS_LOGIN: 'http://localhost:1/login' }, 'hydra_login_url'],
    ['hydra', { URLS_CONSENT: 'http://localhost:1/consent' }, 'hydra_consent_url'],
    ['hydra', { URLS_LOGOUT: 'http://localhost:1/logout' }, 'hydra_logout_url'],
    ['hydra', { URLS_POST_LOGOUT_REDIRECT: 'http://localhost:1/' }, 'hydra_post_logout_url'],
    ['kratos', { OAUTH2_PROVIDER_URL: undefined }, 'kratos_sessions_untold'],
    ['kratos', { OAUTH2_PROVIDER_URL: closedUrl }, 'kratos_sessions_untold'],
    ['kratos', { COOKIES_DOMAIN: 'other.example' }, 'kratos_cookie_domain'],
    ['kratos', { COOKIES_PATH: '/ory' }, 'kratos_cookie_path'],
    ['kratos', { SELFSERVICE_ALLOWED_RETURN_URLS: 'https://other.example' }, 'kratos_return_url'],
    ['kratos', { SELFSERVICE_FLOWS_LOGIN_UI_URL: 'http://localhost:1/login' }, 'kratos_ui_url'],
    ['kratos', { SERVE_PUBLIC_BASE_URL: 'http://localhost:1/' }, 'kratos_base_url'],
  ] as const)('finds a %s with %o as %s', async (name, settings, code) => {
    const odd = await startOddOry(stack, name, { ...settings });
    try {
      expect(await find(odd.env)).toEqual([code]);
    } finally {
      await odd.stop();
    }
  });

  it.each([
    [{ KRATOS_PUBLIC_URL: closedUrl }, ['kratos_unreachable']],
    [{ KRATOS_ADMIN_URL: closedUrl }, ['kratos_admin_unreachable']],
    [{ HYDRA_PUBLIC_URL: closedUrl }, ['hydra_unreachable']],
    [{ HYDRA_ADMIN_URL: closedUrl }, ['hydra_admin_unreachable']],
    [{ SECRETS: 'change-me' }, ['configuration_invalid']],
    [{ DATABASE_URL: 'postgres://vestibule@127.0.0.1:2/vestibule' }, ['database_unreachable']],
    [{ SMTP_URL: 'smtp://127.0.0.1:2/?disable_starttls=true' }, ['smtp_unreachable']],
    // No Redis there; and who has one has replicas, which SQLite can't carry.
    [{ REDIS_URL: 'redis://127.0.0.1:2' }, ['redis_unreachable', 'sqlite_with_replicas']],
    [{ TRUST_PROXY: '0.0.0.0/1' }, ['configuration_invalid']],
    [{ TRUST_PROXY: '0.0.0.0/8' }, ['trust_proxy_everybody']],
    [{ ALLOWED_ORIGINS: 'http://app.example.org' }, ['allowed_origin_insecure']],
    [{ SIGN_UP: 'closed' }, ['setting_misspelled']],
    [{ CLAIMS_MAP: 'app_roles=roles,locale=locale' }, ['rights_from_traits']],
    [{ DEFAULT_LANGUAGE: 'tlh' }, ['locales_unusable']],
    [{ BRAND_LOGO: '/nowhere/logo.svg' }, ['brand_logo_unusable']],
    [{ SERVICE_CLIENTS: 'billing=orgs:read' }, ['service_client_unknown']],
    [{ ADMIN_EMAIL: 'nobody@example.test' }, ['administrator_missing']],
    [{ ADMIN_PASSWORD: randomBytes(18).toString('base64url') }, ['administrator_password_differs']],
    [
      { ADMIN_PASSWORD: 'correct horse battery staple' },
      ['administrator_password_differs', 'secret_documented'],
    ],
    // Anyone who has other secrets gives Hydra another client secret.
    [
      { SECRETS: randomBytes(32).toString('hex') },
      // The gateway then knows no question of the doctor's.
      ['gateway_other_secrets', 'hydra_client_secret', 'kratos_sessions_untold'],
    ],
  ] as const)('finds in %o exactly %o', async (env, codes) => {
    expect(await find({ ...env })).toEqual([...codes]);
  });

  it('finds a mail server without TLS', async () => {
    const { port } = new URL(stack.env['SMTP_URL'] ?? '');
    expect(await find({ SMTP_URL: `smtps://127.0.0.1:${port}/` })).toEqual(['smtp_tls_failed']);
    expect(await find({ SMTP_URL: `smtp://127.0.0.1:${port}/` })).toEqual(['smtp_tls_failed']);
  });

  it('finds Redis beside SQLite, and that it went down', async () => {
    expect(await find({ REDIS_URL: redis.url })).toEqual(['sqlite_with_replicas']);
    await redis.kill();
    expect(await find({ REDIS_URL: redis.url })).toEqual(['redis_unreachable', 'sqlite_with_replicas']);
  });

  it('finds one secret in two places, and one that isn’t random', async () => {
    const [own = ''] = stack.secrets.gateway;
    expect(await find({ SECRETS: `${own},${own}` })).toEqual(['secret_reused']);
    const counted = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex');
    expect(await find({ SECRETS: `${own},${counted}` })).toEqual(['configuration_invalid']);
  });

  it('finds an ordinary account at ADMIN_EMAIL, and a disabled administrator', async () => {
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person);
    expect(await find({ ADMIN_EMAIL: person.email })).toEqual(['administrator_ordinary']);
    await setAdministrator('inactive');
    expect(await find()).toEqual(['administrator_disabled']);
    await setAdministrator('active');
  });

  it('finds that no user is an administrator, and at ADMIN_EMAIL one who lost the role', async () => {
    const { query } = stack.app().get(Database, { strict: false });
    await query.updateTable('users').set({ role: 'user' }).where('email', '=', adminEmail).execute();
    expect(await find()).toEqual(['administrator_none', 'administrator_ordinary']);
    await query.updateTable('users').set({ role: 'admin' }).where('email', '=', adminEmail).execute();
    expect(await find()).toEqual([]);
  });

  it.each([
    [{ dropsHost: true }, 'proxy_host_changed'],
    [{ dropsProto: true }, 'proxy_proto_missing'],
    [{ isStranger: true }, 'proxy_not_trusted'],
    [{ hasNoRoute: true }, 'gateway_wrong_answer'],
    [{ secondsAhead: 300 }, 'clock_skew'],
  ] as const)('finds a proxy in front with %o as %s', async (faults, code) => {
    front.set(faults);
    expect(await find()).toEqual([code]);
  });

  it('finds that nothing answers at PUBLIC_URL, and none but the doctor gets to see how requests arrive', async () => {
    expect((await fetch(`${stack.env['PUBLIC_URL']}/health/reach`)).status).toBe(404);
    await front.stop();
    expect(await find()).toEqual(['gateway_unreachable']);
    front = await startFrontProxy(Number(new URL(stack.env['PUBLIC_URL'] ?? '').port), stack.url);
    expect(await find()).toEqual([]);
  });

  it('finds an old schema, which --fix migrates, and a newer one, which it leaves alone', async () => {
    const env = { ...stack.env, DATABASE_URL: fresh.url };
    expect(await findCodes(env)).toEqual(['database_schema_outdated']);
    expect((await runDoctor(env, '--fix')).code).toBe(0);
    // Nobody has ever logged in there.
    expect(await findCodes(env)).toEqual(['administrator_none']);
    const connection = new DatabaseConnection(fresh.url);
    await sql`insert into vestibule_migrations (name, timestamp) values ('9999-later', '2030')`.execute(
      connection.query,
    );
    await connection.close();
    expect(await findCodes(env)).toEqual(['administrator_none', 'database_schema_newer']);
  });

  it('finds unknown keys in a language file', async () => {
    const folder = join(stack.env['DATA_DIR'] ?? '', 'locales');
    await mkdir(folder);
    await writeFile(join(folder, 'fr.json'), '{"no.such.text": "Bonjour"}');
    expect(await find({ LOCALES_DIR: folder })).toEqual(['locales_unusable']);
  });

  it('warnings alone leave the exit code at 0, and the output states it', async () => {
    const { code, out } = await runDoctor({ ...stack.env, TRUST_PROXY: '0.0.0.0/8' });
    expect(code).toBe(0);
    expect(out).toContain('0 errors, 1 warning.');
    expect(out).toContain('the exit code is 0');
  });

  it('shows no secret and no e-mail address, whatever is wrong', async () => {
    const env = {
      ...stack.env,
      ADMIN_PASSWORD: `pw-${canary}`,
      DATABASE_URL: `postgres://vestibule:db-${canary}@127.0.0.1:2/vestibule`,
      REDIS_URL: `redis://:redis-${canary}@127.0.0.1:2`,
      SMTP_URL: `smtps://mailer:smtp-${canary}@127.0.0.1:2/`,
      KRATOS_PUBLIC_URL: closedUrl,
      HYDRA_PUBLIC_URL: closedUrl,
    };
    for (const args of [[], ['--json']]) {
      const { code, out } = await runDoctor(env, ...args);
      expect(code).toBe(1);
      expect(out).toContain('database_unreachable');
      expect(out).not.toContain(canary);
      expect(out).not.toContain('@');
      for (const secret of stack.secrets.gateway) {
        expect(out).not.toContain(secret);
      }
    }
  });

  it.each([
    ['a healthy one: nothing', {}, []],
    [
      'another: a line a finding, with its code',
      {
        TRUST_PROXY: '0.0.0.0/8',
        ALLOWED_ORIGINS: 'http://app.example.org',
        REDIS_URL: 'redis://127.0.0.1:2',
      },
      ['allowed_origin_insecure', 'redis_unreachable', 'sqlite_with_replicas', 'trust_proxy_everybody'],
    ],
    [
      'a rule for an organisation that nobody has [B04]',
      {
        PROTECTED_HOSTS: `app.localhost?org=engines,wiki.localhost?org=${newId()},x.localhost?role=admin`,
      },
      ['rule_org_unknown', 'rule_org_unknown'],
    ],
  ] as const)('a gateway looks at itself once it is ready; of %s', async (_, env, codes) => {
    const [port = 0] = await findFreePorts(1);
    const configuration = loadConfiguration({ ...stack.env, PORT: String(port), ...env }, ownFeatures);
    const lines: string[] = [];
    const logger = createLogger('warn', { write: (line: string) => void lines.push(line) });
    const app = await createApp(configuration, { logger, selfCheck: true });
    try {
      await app.listen(port, '127.0.0.1');
      const findings = await app.get(SelfCheck, { strict: false }).findings;
      expect(findings.map(({ code }) => code).sort()).toEqual([...codes]);
      const said = lines
        .filter((line) => line.includes('"self_check"'))
        .map((line): unknown => JSON.parse(line));
      expect(said.map((line) => Reflect.get(Object(line), 'code')).sort()).toEqual([...codes]);
    } finally {
      await app.close();
    }
  });
});

async function setAdministrator(state: 'active' | 'inactive'): Promise<void> {
  const admin = `${stack.env['KRATOS_ADMIN_URL']}/admin/identities`;
  const query = new URLSearchParams({ credentials_identifier: adminEmail });
  const found: unknown = await (await fetch(`${admin}?${query}`)).json();
  const id: unknown = Array.isArray(found) ? Reflect.get(Object(found[0]), 'id') : undefined;
  const answer = await fetch(`${admin}/${String(id)}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ op: 'replace', path: '/state', value: state }]),
  });
  expect(answer.status).toBe(200);
}
