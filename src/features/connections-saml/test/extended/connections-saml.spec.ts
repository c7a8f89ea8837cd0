import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../../../platform/database/database.schema.js';
import { findFreePorts } from '../../../../launcher/port-finder.js';
import { goToCompany, pageOfAddress } from '../../../../../test/support/openid.connection.js';
import {
  employ,
  introduce,
  logInBySaml,
  logInThere,
  pageThere,
  postAcross,
  samlConnection,
  valueIn,
} from '../../../../../test/support/saml.connection.js';
import {
  type KeyPair,
  type SamlServer,
  type SamlUser,
  makeKeyPair,
  startSamlServer,
} from '../../../../../test/support/simplesamlphp.server.js';
import type { Person } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { travel } from '../../../../../test/support/travel.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const encryption = { 'assertion.encryption': true, 'validate.authnrequest': true };

let folder: string;
let own: KeyPair;
let server: SamlServer;
let stack: Stack;

/** Serves the provider's metadata, or what a test puts in its place. */
let metadataUrl: string;
let metadata: { status: number; text: string };
let asked = 0;
const metadataServer = createServer((_request, reply) => {
  asked += 1;
  reply.writeHead(metadata.status).end(metadata.text);
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-e2e-'));
  own = await makeKeyPair(folder, 'own');
  server = await startSamlServer();
  metadata = { status: 200, text: await readFile(server.metadataPath, 'utf8') };
  const [port = 0] = await findFreePorts(1);
  await new Promise<void>((resolve) => {
    metadataServer.listen(port, '127.0.0.1', resolve);
  });
  metadataUrl = `http://127.0.0.1:${port}/metadata`;
  const { metadata_file: _, ...byUrl } = samlConnection(server, own, {
    id: 'by-url',
    domains: ['url.example.org'],
    metadata_url: metadataUrl,
    entity_id: server.entityId,
  });
  const connections = [
    samlConnection(server, own),
    samlConnection(server, undefined, { id: 'plain', domains: ['plain.example.org'], trust_email: false }),
    samlConnection(server, own, { id: 'hidden', domains: ['hidden.example.org'], allow_idp_initiated: true }),
    samlConnection(server, own, {
      id: 'grouped',
      domains: ['grouped.example.org'],
      allowed_groups: ['products'],
      subject_attribute: 'uid',
      session_ttl: '15m',
    }),
    byUrl,
  ];
  stack = await startStack({
    env: { CONNECTIONS: JSON.stringify(connections), CLAIMS_MAP: 'groups=groups,connection=connection' },
  });
  for (const id of ['staff', 'grouped', 'by-url']) {
    await introduce(server, stack.url, id);
  }
  await introduce(server, stack.url, 'plain', {});
  await introduce(server, stack.url, 'hidden', encryption);
}, 120_000);

afterEach(() => {
  stack.shiftClock(0);
});

afterAll(async () => {
  await stack?.stop();
  await server?.stop();
  await new Promise((resolve) => {
    metadataServer.close(resolve);
  });
  await rm(folder, { recursive: true, force: true });
});

const newAgent = (): UserAgent => new UserAgent(stack.url);
const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;
const alertOn = (page: Page): string | undefined => page.html().querySelector('[role=alert]')?.text.trim();
const employIn = (domain: string, given: Partial<SamlUser> = {}): Promise<Person & SamlUser> => {
  const uid = `u${Math.random().toString(36).slice(2, 12)}`;
  return employ(server, { uid, email: `${uid}@${domain}`, ...given });
};

describe('a login at SimpleSAMLphp', () => {
  it.each(['staff', 'plain', 'hidden', 'by-url'])(
    'goes by a signed request, without one, with an encrypted assertion and with metadata by URL: %s',
    async (id) => {
      const domain = { staff: 'example.org', 'by-url': 'url.example.org' }[id] ?? `${id}.example.org`;
      const person = await employIn(domain, { groups: ['staff', 'products'] });
      const agent = newAgent();
      const page = await logInBySaml(agent, person, '/auth/login?return_to=/docs');
      expect(page.url).toBe(`${stack.url}/docs`);
      const session = (await agent.fetch('/auth/session')).json();
      expect(session).toMatchObject({
        user: { email: person.email, emailVerified: id !== 'plain', name: person.name },
        provider: 'ory',
        claims: { groups: ['products', 'staff'], connection: id },
      });
    },
  );

  it('asks for credentials again where the application requires that', async () => {
    const person = await employIn('example.org');
    const agent = newAgent();
    await logInBySaml(agent, person);
    // The provider remembers the user, and is told to forget that.
    const page = await goToCompany(agent, await agent.navigate('/auth/login?max_age=0'));
    expect(page.text).toContain('name="username"');
    const answer = await logInThere(agent, page, person);
    const end = await postAcross(agent, answer);
    expect([end.page.url, await statusOf(agent)]).toEqual([`${stack.url}/`, 200]);
  });

  it('is declined with the wrong password, and admits only members of the groups', async () => {
    const person = await employIn('grouped.example.org', { groups: ['products'] });
    const other = await employIn('grouped.example.org', { groups: ['sales'] });
    const agent = newAgent();
    const page = await logInThere(agent, await pageThere(agent, person.email), {
      ...person,
      password: 'wrong',
    });
    expect([page.text.includes('name="username"'), await statusOf(agent)]).toEqual([true, 401]);
    await logInBySaml(agent, person);
    expect(await statusOf(agent)).toBe(200);
    const outsider = newAgent();
    const refused = await logInBySaml(outsider, other);
    expect([refused.status, await statusOf(outsider)]).toEqual([403, 401]);
    expect(alertOn(refused)).toBeDefined();
  });

  it('keeps a user by the subject, whatever the address', async () => {
    const person = await employIn('grouped.example.org', { groups: ['products'] });
    await logInBySaml(newAgent(), person);
    await server.remove(person.email);
    const renamed = { ...person, email: `new-${person.email}` };
    await server.add(renamed);
    const agent = newAgent();
    await logInBySaml(agent, renamed);
    const { query } = stack.app().get(Database, { strict: false });
    const rows = await query
      .selectFrom('connection_identities')
      .select(['subject', 'email'])
      .where('subject', '=', `${server.entityId} ${person.uid}`)
      .where('connection_id', '=', 'grouped')
      .execute();
    expect(rows).toEqual([{ subject: `${server.entityId} ${person.uid}`, email: renamed.email }]);
  });

  it('never counts an address of another domain as verified', async () => {
    const person = await employIn('elsewhere.example.net');
    const agent = newAgent();
    const page = await logInThere(agent, await pageThere(agent, `x@example.org`), person);
    await postAcross(agent, page);
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: person.email, emailVerified: false },
    });
  });

  it('ends after `session_ttl`, and no earlier', async () => {
    const person = await employIn('grouped.example.org', { groups: ['products'] });
    const agent = newAgent();
    await logInBySaml(agent, person);
    await server.remove(person.email);
    stack.shiftClock(11 * 60);
    expect(await statusOf(agent)).toBe(200);
    stack.shiftClock(22 * 60);
    expect(await statusOf(agent)).toBe(401);
  });

  it('of others goes on while the provider is away', async () => {
    const person = await employIn('example.org');
    const agent = newAgent();
    await logInBySaml(agent, person);
    await server.kill();
    try {
      stack.shiftClock(11 * 60);
      expect(await statusOf(agent)).toBe(200);
      // The gateway needs nothing of the provider to send a browser there.
      const page = await pageOfAddress(newAgent(), person.email);
      expect(page.status).toBe(200);
    } finally {
      await server.start();
    }
  });
});

it('a link leads straight to a connection, and one to no connection to the page that asks for the address', async () => {
  for (const [id, path] of [
    ['hidden', '/ui/connections/hidden'],
    ['unknown', '/ui/identify'],
    ['../../docs', '/ui/identify'],
  ] as const) {
    const page = await newAgent().navigate(`/auth/login?${new URLSearchParams({ connection: id })}`);
    expect([page.status, new URL(page.url).pathname]).toEqual([200, path]);
  }
});

describe('a login that begins at the provider', () => {
  const start = (id: string): string =>
    `${server.url}/saml2/idp/SSOService.php?${new URLSearchParams({
      spentityid: `${stack.url}/auth/connections/${id}/metadata`,
      RelayState: 'https://elsewhere.example.net/',
    })}`;

  it('is refused unless the connection allows it', async () => {
    const person = await employIn('example.org');
    const agent = newAgent();
    const page = await logInThere(agent, (await travel(agent, start('staff'))).page, person);
    const end = await postAcross(agent, page);
    expect([end.page.status, await statusOf(agent)]).toEqual([403, 401]);
  });

  it('begins another one at the connection where that is allowed, and leads nowhere else', async () => {
    const person = await employIn('hidden.example.org');
    const agent = newAgent();
    const page = await logInThere(agent, (await travel(agent, start('hidden'))).page, person);
    const first = await postAcross(agent, page);
    expect([new URL(first.page.url).pathname, await statusOf(agent)]).toEqual([
      '/ui/connections/hidden',
      401,
    ]);
    // The page leads to the provider, which knows the user.
    const next = first.page.headers.get('refresh')?.replace(/^0;url=/, '') ?? '';
    const answer = (await travel(agent, new URL(next, stack.url).href)).page;
    const end = await postAcross(agent, answer);
    expect([end.page.url, await statusOf(agent)]).toEqual([`${stack.url}/`, 200]);
  });
});

describe('a logout at the provider', () => {
  it('ends the session here, and the provider gets an answer that it accepts', async () => {
    const person = await employIn('example.org');
    const agent = newAgent();
    const other = newAgent();
    await logInBySaml(agent, person);
    await logInBySaml(other, person);
    const end = (await travel(agent, server.logoutUrl)).page;
    expect([new URL(end.url).origin, end.status]).toEqual([server.url, 200]);
    expect(end.text).toMatch(/logged out/i);
    expect(end.text).not.toMatch(/one or more of the services/i);
    expect(await statusOf(agent)).toBe(401);
    // The session of another browser came from another login.
    expect(await statusOf(other)).toBe(200);
    const { query } = stack.app().get(Database, { strict: false });
    // The audit trail is written a little later.
    const reasons = async (): Promise<readonly (string | null)[]> => {
      const rows = await query
        .selectFrom('audit_events')
        .select('reason')
        .where('type', '=', 'session_ended')
        .execute();
      return rows.map(({ reason }) => reason);
    };
    await expect.poll(reasons).toContain('backchannel_logout');
  });
});

describe('metadata', () => {
  it('of ours names both bindings of the logout, our key for both uses, and nothing of the provider', async () => {
    const answer = await fetch(`${stack.url}/auth/connections/staff/metadata`);
    expect(answer.headers.get('content-type')).toBe('application/samlmetadata+xml; charset=utf-8');
    const text = await answer.text();
    expect(text).toContain(`entityID="${stack.url}/auth/connections/staff/metadata"`);
    expect(text.match(/<SingleLogoutService [^>]*>/g)).toHaveLength(2);
    expect(text).toContain(`Location="${stack.url}/auth/connections/staff/acs"`);
    expect(text.match(/<KeyDescriptor use="(?:signing|encryption)"/g)).toHaveLength(2);
    expect(text).not.toContain(server.url);
    expect(text).not.toContain('PRIVATE');
    for (const id of ['unknown', 'x'.repeat(100)]) {
      expect((await fetch(`${stack.url}/auth/connections/${id}/metadata`)).status).toBe(404);
    }
  });

  it('by URL is kept while it can’t be read, and read again later: a new key is known when it is first used', async () => {
    const person = await employIn('url.example.org');
    const good = metadata;
    const foreign = await makeKeyPair(folder, 'foreign');
    const bare = (pem: string): string => pem.replaceAll(/-----[^-]+-----|\s/g, '');
    const certificate = /<ds:X509Certificate>([^<]+)/.exec(good.text)?.[1] ?? '';
    try {
      metadata = { status: 500, text: '' };
      stack.shiftClock(2 * 3600);
      // The sign of a wrong clock would be a refused answer; the login is checked at the end of it.
      const before = asked;
      const agent = newAgent();
      await pageThere(agent, person.email);
      await expect.poll(() => asked).toBeGreaterThan(before);
      stack.shiftClock(0);
      await logInBySaml(newAgent(), person);
      // The provider has had another key so far, as the metadata had it.
      metadata = { status: 200, text: good.text.replaceAll(certificate, bare(foreign.certificate)) };
      await stack.restartGateway();
      const early = newAgent();
      const page = await logInThere(early, await pageThere(early, person.email), person);
      await postAcross(early, page);
      expect(await statusOf(early)).toBe(401);
      metadata = good;
      const late = newAgent();
      const there = await logInThere(late, await pageThere(late, person.email), person);
      expect(valueIn(there, 'SAMLResponse')).not.toBe('');
      stack.shiftClock(70);
      await postAcross(late, there);
      expect(await statusOf(late)).toBe(200);
    } finally {
      metadata = good;
    }
  });

  it('by URL that has expired isn’t taken', async () => {
    const good = metadata;
    const entity = '<md:EntityDescriptor ';
    expect(good.text).toContain(entity);
    try {
      metadata = {
        status: 200,
        text: good.text.replace(entity, `${entity}validUntil="2001-01-01T00:00:00Z" `),
      };
      await stack.restartGateway();
      const agent = newAgent();
      const page = await pageOfAddress(agent, 'ada@url.example.org');
      const challenge = new URL(page.url).searchParams.get('login_challenge') ?? '';
      const next = await agent.navigate(`/auth/connections/by-url/login?login_challenge=${challenge}`);
      expect([next.status, next.text]).toEqual([503, expect.stringContaining("can't be reached")]);
      expect(stack.log.join()).toContain('saml_metadata_expired');
    } finally {
      metadata = good;
      await stack.restartGateway();
    }
  });
});
