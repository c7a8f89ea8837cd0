import { createVerify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { loadConfiguration } from '../../../platform/config/configuration.js';
import { assertInside, assertNoMetadata } from '../../../platform/air-gap/air-gap.check.js';
import { Database } from '../../../platform/database/database.schema.js';
import { pageOfAddress } from '../../../../test/support/openid.connection.js';
import { type Replica, startReplicas } from '../../../../test/support/replicas.js';
import { sendAcross } from '../../../../test/support/saml.connection.js';
import {
  type ForgedAnswer,
  type Signing,
  assertionOf,
  encrypted,
  goodAnswer,
  logoutRequestOf,
  newId,
  redirectQuery,
  responseOf,
  sign,
  signWithHmac,
  signWithNone,
  wrapped,
  wrappings,
} from '../../../../test/support/saml.forge.js';
import { type KeyPair, makeKeyPair } from '../../../../test/support/simplesamlphp.server.js';
import { type Stack, startStack, waitUntil } from '../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../test/support/user-agent.js';
import { ownFeatures } from '../../../app/features.js';

const provider = 'https://idp.example.com';
const declined = 'The login at Example Ltd. did not succeed. Try again, or ask your administrator.';

let folder: string;
let stack: Stack;
let replica: Replica;
let provided: KeyPair;
let own: KeyPair;
let foreign: KeyPair;
/** Serves what metadata URLs lead to. */
let server: Server;
let origin: string;
const asked: string[] = [];
const answers = new Map<string, (reply: import('node:http').ServerResponse) => void>();

/** A connection whose provider is forged here, by hand. */
function forged(settings: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    id: 'forged',
    kind: 'saml',
    name: 'Example Ltd.',
    domains: ['example.com'],
    entity_id: provider,
    sso_url: `${provider}/sso`,
    logout_url: `${provider}/slo`,
    idp_certificate_files: [provided.certificatePath],
    certificate_file: own.certificatePath,
    key_file: own.keyPath,
    trust_email: true,
    ...settings,
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-attacks-'));
  [provided, own, foreign] = [
    await makeKeyPair(folder, 'provided'),
    await makeKeyPair(folder, 'own'),
    await makeKeyPair(folder, 'foreign'),
  ];
  server = createServer((request, reply) => {
    asked.push(request.url ?? '');
    const answer = answers.get(request.url ?? '');
    if (answer === undefined) {
      reply.writeHead(404).end();
    } else {
      answer(reply);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${address.port}`;
  const connections = [
    forged(),
    forged({
      id: 'open',
      domains: ['open.example.com'],
      allow_idp_initiated: true,
      entity_id: 'https://open.example.com',
    }),
    forged({
      id: 'keyless',
      domains: ['keyless.example.com'],
      certificate_file: undefined,
      key_file: undefined,
    }),
    forged({ id: 'factor', domains: ['factor.example.com'], trust_second_factor: true }),
    ...['elsewhere', 'huge', 'other', 'entities'].map((id) => ({
      id,
      kind: 'saml',
      name: 'Example Ltd.',
      domains: [`${id}.example.com`],
      metadata_url: `${origin}/${id}`,
      entity_id: provider,
    })),
  ];
  stack = await startStack({
    database: 'postgres',
    postgresUrl: inject('postgresUrl'),
    sharedOry: true,
    env: { CONNECTIONS: JSON.stringify(connections) },
  });
  [replica] = (await startReplicas(stack, 1)) as [Replica];
}, 120_000);

afterAll(async () => {
  await replica?.stop();
  await stack?.stop();
  await new Promise((resolve) => {
    server?.close(resolve);
  });
  await rm(folder, { recursive: true, force: true });
});

interface Begun {
  readonly agent: UserAgent;
  readonly requestId: string;
  readonly relayState: string;
  readonly email: string;
  readonly base: string;
}

const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;
const alertOn = (page: Page): string | undefined => page.html().querySelector('[role=alert]')?.text.trim();
const newEmail = (domain = 'example.com'): string => `${newId().slice(1, 13)}@${domain}`;

/** A browser that was sent to the provider. */
async function begun(id = 'forged', email = newEmail()): Promise<Begun> {
  const agent = new UserAgent(stack.url);
  const page = await pageOfAddress(agent, email);
  const target = page.headers.get('refresh')?.replace(/^0;url=/, '') ?? '';
  const answer = await agent.request(target);
  const there = new URL(answer.headers.get('location') ?? '');
  const request = inflateRawSync(
    Buffer.from(there.searchParams.get('SAMLRequest') ?? '', 'base64'),
  ).toString();
  const [, requestId = ''] = / ID="([^"]+)"/.exec(request) ?? [];
  return {
    agent,
    requestId,
    relayState: there.searchParams.get('RelayState') ?? '',
    email,
    base: `${stack.url}/auth/connections/${id}`,
  };
}

function answerFor(begin: Begun, given: Partial<ForgedAnswer> = {}): ForgedAnswer {
  const { requestId, email, base } = begin;
  return { issuer: provider, base, requestId, email, ...given };
}

/** Brings an answer from the provider's page. @returns the page at the end. */
async function deliver(
  { agent, base, relayState }: Pick<Begun, 'agent' | 'base' | 'relayState'>,
  xml: string,
): Promise<Page> {
  const form = new URLSearchParams({
    SAMLResponse: Buffer.from(xml).toString('base64'),
    RelayState: relayState,
  });
  return (await sendAcross(agent, `${base}/acs`, form, provider)).page;
}

/** Why logins failed, by the audit trail; the oldest first. */
async function failures(): Promise<readonly (string | null)[]> {
  const { query } = stack.app().get(Database, { strict: false });
  const rows = await query
    .selectFrom('audit_events')
    .select('reason')
    .where('type', '=', 'login_failed')
    .orderBy('id')
    .execute();
  return rows.map(({ reason }) => reason);
}

/** What became of an answer: the alert, the reason in the audit trail, and whether the browser is logged in. */
async function outcomeOf(begin: Begun, xml: string): Promise<readonly unknown[]> {
  const before = await failures();
  const alert = alertOn(await deliver(begin, xml));
  if (alert !== undefined) {
    // The audit trail is written a little later.
    await waitUntil(async () => (await failures()).length > before.length, 'the failure to be recorded');
  }
  const [reason] = (await failures()).slice(before.length);
  return [alert, reason, await statusOf(begin.agent)];
}

const refusedFor = (reason: string): readonly unknown[] => [declined, reason, 401];

it('an answer that is as it should be logs in, signed as a whole, in part or in both, plain or encrypted', async () => {
  const shapes: ((answer: ForgedAnswer) => Promise<string> | string)[] = [
    (answer) => goodAnswer(answer, provided),
    (answer) => sign(responseOf(answer, assertionOf(answer)), 'Response', provided),
    (answer) => sign(goodAnswer(answer, provided), 'Response', provided),
    async (answer) =>
      responseOf(answer, await encrypted(sign(assertionOf(answer), 'Assertion', provided), own)),
    async (answer) =>
      sign(responseOf(answer, await encrypted(assertionOf(answer), own)), 'Response', provided),
  ];
  for (const shape of shapes) {
    const begin = await begun();
    const page = await deliver(begin, await shape(answerFor(begin)));
    expect([page.url, await statusOf(begin.agent)]).toEqual([`${stack.url}/`, 200]);
    expect((await begin.agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email: begin.email, emailVerified: true },
    });
  }
});

it('an answer may name a thousand groups, of which some are kept; one beyond all measure isn’t read', async () => {
  const begin = await begun();
  const groups = Array.from({ length: 1000 }, (_, index) => `a group with a long name, number ${index}`);
  const xml = goodAnswer(answerFor(begin, { attributes: { groups } }), provided);
  expect(xml.length).toBeGreaterThan(65_536);
  await deliver(begin, xml);
  expect(await statusOf(begin.agent)).toBe(200);
  const huge = await begun();
  const page = await deliver(huge, `${xml}${' '.repeat(300_000)}`);
  expect([page.status, await statusOf(huge.agent)]).toEqual([413, 401]);
});

it('a second factor counts if the connection trusts it and the provider names it, and not otherwise', async () => {
  const mfa = 'https://refeds.org/profile/mfa';
  const password = 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password';
  for (const [id, contextClass, acr] of [
    ['factor', mfa, 'aal2'],
    ['factor', password, 'aal1'],
    ['forged', mfa, 'aal1'],
  ] as const) {
    const begin = await begun(id, newEmail(id === 'factor' ? 'factor.example.com' : 'example.com'));
    await deliver(begin, goodAnswer(answerFor(begin, { contextClass }), provided));
    const { claims } = (await begin.agent.fetch('/auth/session')).json() as { claims: { amr: string[] } };
    const { query } = stack.app().get(Database, { strict: false });
    const row = await query
      .selectFrom('connection_sessions')
      .innerJoin('connection_identities', 'connection_identities.id', 'connection_sessions.identity_id')
      .select(['connection_sessions.acr'])
      .where('connection_identities.email', '=', begin.email)
      .executeTakeFirstOrThrow();
    expect([row.acr, claims.amr.includes('mfa')]).toEqual([acr, acr === 'aal2']);
  }
});

describe('signatures', () => {
  it.each(wrappings)(
    '%s: a signed element that is wrapped lends its signature to nothing [S01]',
    async (way) => {
      const begin = await begun();
      const answer = answerFor(begin);
      const good =
        way === 'XSW1' || way === 'XSW2'
          ? sign(responseOf(answer, assertionOf(answer)), 'Response', provided)
          : goodAnswer(answer, provided);
      const evil = assertionOf({ ...answer, email: newEmail(), id: newId() });
      const [alert, reason, status] = await outcomeOf(begin, wrapped(way, good, evil));
      expect([alert, status]).toEqual([declined, 401]);
      expect(reason).toMatch(
        /^saml_(?:several_assertions|assertion_elsewhere|signature_of_another_element|signature_elsewhere)$/,
      );
    },
  );

  it('an assertion in an attribute, in another namespace, or with the id of the signed one, is none [S01]', async () => {
    const begin = await begun();
    const answer = answerFor(begin);
    const id = newId();
    const good = goodAnswer({ ...answer, id }, provided);
    const evil = assertionOf({ ...answer, email: newEmail(), id });
    const inAttribute = good.replace('</saml:AttributeValue>', `${evil}</saml:AttributeValue>`);
    const elsewhere = good.replace(
      '<saml:Assertion',
      `<x:Assertion xmlns:x="urn:x" ID="${newId()}"/><saml:Assertion`,
    );
    for (const xml of [inAttribute, elsewhere]) {
      const again = await begun();
      const [alert, , status] = await outcomeOf(again, xml.replaceAll(begin.requestId, again.requestId));
      expect([alert, status]).toEqual([declined, 401]);
    }
  });

  it('an answer without a signature, or whose signed part was changed, is refused [S04]', async () => {
    const begin = await begun();
    expect(await outcomeOf(begin, responseOf(answerFor(begin), assertionOf(answerFor(begin))))).toEqual(
      refusedFor('saml_unsigned'),
    );
    const changed = await begun();
    const xml = goodAnswer(answerFor(changed), provided).replaceAll(changed.email, newEmail());
    expect(await outcomeOf(changed, xml)).toEqual(refusedFor('saml_not_verified'));
    const half = await begun();
    const both = sign(goodAnswer(answerFor(half), provided), 'Response', provided);
    // The assertion's own signature is right; that of the response around it isn't.
    expect(await outcomeOf(half, both.replace('IssueInstant="20', 'IssueInstant="19'))).toEqual(
      refusedFor('saml_not_verified'),
    );
  });

  it('a key that isn’t the provider’s is refused, also with its certificate in the signature [S05]', async () => {
    for (const key of [foreign, own]) {
      const begin = await begun();
      const xml = goodAnswer(answerFor(begin), key);
      expect(xml).toContain('X509Certificate');
      expect(await outcomeOf(begin, xml)).toEqual(refusedFor('saml_not_verified'));
    }
  });

  it('no algorithm, SHA-1 and a keyed hash are refused [S06]', async () => {
    const sha1: Signing = { ...provided, signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' };
    const digest: Signing = { ...provided, digest: 'http://www.w3.org/2000/09/xmldsig#sha1' };
    const ways: ((xml: string) => string)[] = [
      (xml) => signWithNone(xml, provided),
      (xml) => sign(xml, 'Assertion', sha1),
      (xml) => sign(xml, 'Assertion', digest),
      (xml) => signWithHmac(xml, provided.certificate),
    ];
    for (const way of ways) {
      const begin = await begun();
      const answer = answerFor(begin);
      expect(await outcomeOf(begin, responseOf(answer, way(assertionOf(answer))))).toEqual(
        refusedFor('saml_algorithm_refused'),
      );
    }
    const hidden = await begun();
    const answer = answerFor(hidden);
    const inside = await encrypted(sign(assertionOf(answer), 'Assertion', sha1), own);
    expect(await outcomeOf(hidden, responseOf(answer, inside))).toEqual(refusedFor('saml_algorithm_refused'));
  });
});

describe('the document', () => {
  it('a document type, entities and what they lead to are refused unread [S02]', async () => {
    answers.set('/entity', (reply) => reply.end('secret'));
    const types = [
      `<!DOCTYPE x [<!ENTITY e SYSTEM "${origin}/entity">]>`,
      `<!DOCTYPE x SYSTEM "${origin}/entity">`,
      `<!DOCTYPE x [<!ENTITY e "${'x'.repeat(100)}"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;">]>`,
    ];
    for (const type of types) {
      const begin = await begun();
      const xml = type + goodAnswer(answerFor(begin), provided);
      expect(await outcomeOf(begin, xml)).toEqual(refusedFor('saml_malformed'));
    }
    const hidden = await begun();
    const inside = await encrypted(
      types[0] + sign(assertionOf(answerFor(hidden)), 'Assertion', provided),
      own,
    );
    expect(await outcomeOf(hidden, responseOf(answerFor(hidden), inside))).toEqual(
      refusedFor('saml_malformed'),
    );
    expect(asked).not.toContain('/entity');
  });

  it('what is no XML, or no answer, is refused without an error of the server', async () => {
    for (const xml of [
      '',
      'x',
      '<x/>',
      '<a><b></a>',
      '\u0000',
      '<samlp:Response/>',
      '<?xml version="1.0"?>',
      '<a/><b/>',
    ]) {
      const begin = await begun();
      const form = { SAMLResponse: Buffer.from(xml).toString('base64'), RelayState: begin.relayState };
      const { page } = await sendAcross(
        begin.agent,
        `${begin.base}/acs`,
        new URLSearchParams(form),
        provider,
      );
      expect([xml, page.status < 500, await statusOf(begin.agent)]).toEqual([xml, true, 401]);
    }
  });

  it('a comment in a NameID cuts nothing off [S03]', async () => {
    const victim = newEmail();
    const begin = await begun('forged', victim);
    const answer = answerFor(begin, { nameIdXml: `${victim}<!-- -->.attacker.test` });
    await deliver(begin, goodAnswer(answer, provided));
    const { query } = stack.app().get(Database, { strict: false });
    const rows = await query
      .selectFrom('connection_identities')
      .select('subject')
      .where('email', '=', victim)
      .execute();
    expect(rows).toEqual([{ subject: `${provider} ${victim}.attacker.test` }]);
  });

  it('an encrypted assertion that can’t be decrypted, by a broken cipher or for another key, gets one answer [S14]', async () => {
    const begin = await begun();
    const assertion = sign(assertionOf(answerFor(begin)), 'Assertion', provided);
    const old = await encrypted(assertion, own, 'rsa-1_5');
    const others = await encrypted(assertion, foreign);
    const whole = await encrypted(assertion, own);
    const broken = whole.replace(/(<[^>]*CipherValue>)....(?=[^<]{300})/g, '$1AAAA');
    for (const xml of [old, others, broken]) {
      const again = await begun();
      expect(await outcomeOf(again, responseOf(answerFor(again), xml))).toEqual(
        refusedFor('saml_not_decrypted'),
      );
    }
  });
});

describe('whom an assertion is for', () => {
  it.each<[string, Partial<ForgedAnswer>, string]>([
    ['another audience', { audience: 'https://other.example.com' }, 'saml_audience_mismatch'],
    ['another recipient', { recipient: 'https://other.example.com/acs' }, 'saml_recipient_mismatch'],
    ['another destination', { destination: 'https://other.example.com/acs' }, 'saml_destination_mismatch'],
  ])('one for %s is refused [S08]', async (_what, given, reason) => {
    const begin = await begun();
    expect(await outcomeOf(begin, goodAnswer(answerFor(begin, given), provided))).toEqual(refusedFor(reason));
  });

  it.each<[string, Partial<ForgedAnswer>]>([
    ['of another request', { requestId: newId() }],
    ['whose confirmation is for another request', { confirmedTo: newId() }],
    ['whose response is for another request', { responseTo: newId() }],
  ])('one %s is refused [S09]', async (_what, given) => {
    const begin = await begun();
    expect(await outcomeOf(begin, goodAnswer(answerFor(begin, given), provided))).toEqual(
      refusedFor('saml_of_another_request'),
    );
  });

  it('one that has expired is refused, one that isn’t valid yet too, both beyond the tolerance [S10]', async () => {
    const late = await begun();
    expect(await outcomeOf(late, goodAnswer(answerFor(late, { from: -600, until: -90 }), provided))).toEqual(
      refusedFor('saml_expired'),
    );
    const early = await begun();
    const [, reason, status] = await outcomeOf(
      early,
      goodAnswer(answerFor(early, { from: 90, until: 600 }), provided),
    );
    expect([reason, status]).toEqual(['saml_not_yet_valid', 401]);
    const tolerated = await begun();
    await deliver(tolerated, goodAnswer(answerFor(tolerated, { from: -600, until: -30 }), provided));
    expect(await statusOf(tolerated.agent)).toBe(200);
  });

  it('one of another issuer is refused, and so is a provider at another’s connection [S11]', async () => {
    for (const given of [
      { issuer: 'https://evil.example.com' },
      { assertionIssuer: 'https://evil.example.com' },
    ]) {
      const begin = await begun();
      expect(await outcomeOf(begin, goodAnswer(answerFor(begin, given), provided))).toEqual(
        refusedFor('saml_issuer_mismatch'),
      );
    }
    // The answer of a login at one connection, posted to another.
    const begin = await begun();
    const xml = goodAnswer(answerFor(begin), provided);
    const page = await deliver({ ...begin, base: begin.base.replace('/forged', '/open') }, xml);
    expect([page.status, await statusOf(begin.agent)]).toEqual([403, 401]);
  });

  it('a refusal of the provider is none of a user’s login', async () => {
    const begin = await begun();
    const status = 'urn:oasis:names:tc:SAML:2.0:status:Responder';
    expect(await outcomeOf(begin, goodAnswer(answerFor(begin, { status }), provided))).toEqual(
      refusedFor('saml_provider_refuses'),
    );
  });
});

describe('an answer is good once', () => {
  it('posted again, here or at another replica, it finds no login; two replicas at once begin one session [S07]', async () => {
    const begin = await begun();
    const xml = goodAnswer(answerFor(begin), provided);
    const form = new URLSearchParams({
      SAMLResponse: Buffer.from(xml).toString('base64'),
      RelayState: begin.relayState,
    });
    const { next } = await sendAcross(begin.agent, `${begin.base}/acs`, form, provider, () => true);
    expect(next?.pathname).toBe('/auth/connections/forged/callback');
    const copies = [await begin.agent.copyAt(stack.url), await begin.agent.copyAt(replica.url)];
    const pages = await Promise.all(copies.map((copy) => copy.request(next?.href ?? '')));
    expect(pages.map(({ status }) => status).toSorted()).toEqual([302, 403]);
    for (const url of [stack.url, replica.url]) {
      const again = await new UserAgent(stack.url, url).request(`${begin.base}/acs`, {
        method: 'POST',
        body: form,
      });
      expect(again.status).toBe(403);
    }
  });

  it('one that the provider has not signed takes no room while it waits for its browser, and what is wrong is known then [S17]', async () => {
    const waiting = async (): Promise<number> => {
      // Others' answers wait there, too.
      const row = await stack
        .app()
        .get(Database, { strict: false })
        .query.selectFrom('connection_logins')
        .select(({ fn }) => fn.max(sql<number>`length(answer)`).as('longest'))
        .executeTakeFirst();
      return Number(row?.longest ?? 0);
    };
    const begin = await begun();
    const answer = answerFor(begin, { attributes: { groups: ['x'.repeat(150_000)] } });
    const xml = responseOf(answer, assertionOf(answer));
    const form = new URLSearchParams({
      SAMLResponse: Buffer.from(xml).toString('base64'),
      RelayState: begin.relayState,
    });
    const { next } = await sendAcross(begin.agent, `${begin.base}/acs`, form, provider, () => true);
    expect(next?.pathname).toBe('/auth/connections/forged/callback');
    const length = await waiting();
    expect([length > 0, length < 1000]).toEqual([true, true]);
    expect((await begin.agent.request(next?.href ?? '')).text).toContain(declined);
    const second = await begun();
    const unsigned = answerFor(second);
    expect(await outcomeOf(second, responseOf(unsigned, assertionOf(unsigned)))).toEqual(
      refusedFor('saml_unsigned'),
    );
    // A good one for another request, and one for no login that is known, aren't kept either.
    const [one, other] = [await begun(), await begun()];
    const foreign = new URLSearchParams({
      SAMLResponse: Buffer.from(goodAnswer(answerFor(one), provided)).toString('base64'),
      RelayState: other.relayState,
    });
    await sendAcross(other.agent, `${other.base}/acs`, foreign, provider, () => true);
    expect(await waiting()).toBeLessThan(1000);
    const lost = await new UserAgent(stack.url).request(`${one.base}/acs`, {
      method: 'POST',
      body: new URLSearchParams({ SAMLResponse: form.get('SAMLResponse') ?? '', RelayState: 'unknown' }),
    });
    expect(lost.status).toBe(403);
  });

  it('an encrypted assertion at a connection without a key says at the login that it is not set up', async () => {
    const begin = await begun('keyless', newEmail('keyless.example.com'));
    const answer = answerFor(begin);
    const xml = responseOf(answer, await encrypted(sign(assertionOf(answer), 'Assertion', provided), own));
    expect(await outcomeOf(begin, xml)).toEqual([
      'The login at Example Ltd. is not set up as it should be. Tell your administrator.',
      'saml_assertion_encrypted_without_key',
      401,
    ]);
  });

  it('an assertion’s id is good once, whichever request it names [S07]', async () => {
    const id = newId();
    const first = await begun();
    await deliver(first, goodAnswer(answerFor(first, { id }), provided));
    expect(await statusOf(first.agent)).toBe(200);
    const second = await begun();
    second.agent.turnTo(replica.url);
    const again = goodAnswer(answerFor(second, { id }), provided);
    expect(await outcomeOf(second, again)).toEqual(refusedFor('statement_used'));
  });

  it('the answer to an attacker’s login is none in another browser [S15]', async () => {
    const attacker = await begun();
    const victim = new UserAgent(stack.url);
    const page = await deliver({ ...attacker, agent: victim }, goodAnswer(answerFor(attacker), provided));
    expect([page.status, await statusOf(victim)]).toEqual([403, 401]);
    // With a login of the victim’s own under way, it is still the attacker’s.
    const own = await begun();
    const other = await begun();
    expect(await outcomeOf(own, goodAnswer(answerFor(other), provided))).toEqual(
      refusedFor('saml_of_another_request'),
    );
  });
});

describe('RelayState', () => {
  it('is never an address, and an answer without a login is refused [S12]', async () => {
    const states = ['https://evil.example.com/', '//evil.example.com', '/docs', '', 'x'.repeat(500)];
    for (const relayState of states) {
      const begin = await begun();
      const xml = goodAnswer(answerFor(begin), provided);
      const page = await deliver({ ...begin, relayState }, xml);
      expect([page.status, page.headers.get('location'), await statusOf(begin.agent)]).toEqual([
        403,
        null,
        401,
      ]);
    }
  });

  it('where a provider may begin, its answer begins a login at the connection, and is itself left aside [S12]', async () => {
    const begin = await begun();
    const base = `${stack.url}/auth/connections/open`;
    const xml = goodAnswer({ ...answerFor(begin), base }, provided);
    for (const relayState of ['https://evil.example.com/', '']) {
      const agent = new UserAgent(stack.url);
      const page = await deliver({ agent, base, relayState }, xml);
      const { pathname, origin: at } = new URL(page.url);
      expect([at, pathname, await statusOf(agent)]).toEqual([stack.url, '/ui/connections/open', 401]);
    }
  });
});

describe('metadata by URL', () => {
  it.each<[string, (reply: import('node:http').ServerResponse) => void]>([
    ['elsewhere', (reply) => reply.writeHead(302, { location: `${origin}/secret` }).end()],
    ['huge', (reply) => reply.end(`<!--${'x'.repeat(1_200_000)}-->`)],
    ['other', (reply) => reply.end(metadataOf('https://another.example.com'))],
    [
      'entities',
      (reply) => reply.end(`<!DOCTYPE x [<!ENTITY e SYSTEM "${origin}/secret">]>${metadataOf(provider)}`),
    ],
  ])('that is %s is of no use, and leads nowhere [S13]', async (id, answer) => {
    answers.set('/secret', (reply) => reply.end(metadataOf(provider)));
    answers.set(`/${id}`, answer);
    const agent = new UserAgent(stack.url);
    const page = await pageOfAddress(agent, newEmail(`${id}.example.com`));
    const there = await agent.request(page.headers.get('refresh')?.replace(/^0;url=/, '') ?? '');
    expect([there.status, asked.includes(`/${id}`)]).toEqual([503, true]);
    expect(asked).not.toContain('/secret');
  });

  it('may not be a cloud’s metadata service, nor outside of an air gap [S13]', async () => {
    const at = (url: string): Readonly<Record<string, string>> => ({
      ...stack.env,
      CONNECTIONS: JSON.stringify([
        { id: 'a', kind: 'saml', name: 'A', metadata_url: url, entity_id: provider },
      ]),
    });
    await expect(
      assertNoMetadata(loadConfiguration(at('https://169.254.169.254/latest'), ownFeatures)),
    ).rejects.toThrow('CONNECTIONS');
    await expect(
      assertInside(loadConfiguration(at('https://192.0.2.1/metadata'), ownFeatures)),
    ).rejects.toThrow('CONNECTIONS');
    await expect(
      assertInside(loadConfiguration(at('https://10.0.0.1/metadata'), ownFeatures)),
    ).resolves.toBeUndefined();
    expect(() => loadConfiguration(at('file:///etc/passwd'), ownFeatures)).toThrow('CONNECTIONS');
    expect(() => loadConfiguration(at('http://intranet.example.com/metadata'), ownFeatures)).toThrow(
      'CONNECTIONS',
    );
  });
});

describe('logout requests', () => {
  /** A user who has logged in, with what the provider calls their session. */
  async function known(): Promise<Begun & { readonly sessionIndex: string }> {
    const begin = await begun();
    const sessionIndex = newId();
    await deliver(begin, goodAnswer(answerFor(begin, { sessionIndex }), provided));
    expect(await statusOf(begin.agent)).toBe(200);
    return { ...begin, sessionIndex };
  }
  const redirect = (base: string, query: string): Promise<Page> =>
    new UserAgent(stack.url).request(`${base}/slo?${query}`);
  const post = (base: string, xml: string): Promise<Page> =>
    new UserAgent(stack.url).request(`${base}/slo`, {
      method: 'POST',
      body: new URLSearchParams({ SAMLRequest: Buffer.from(xml).toString('base64') }),
      headers: { origin: provider, 'sec-fetch-site': 'cross-site' },
    });

  it('end the session by either binding, and are answered with a signature', async () => {
    const relayState = 'their own: (it’s) ~*!';
    for (const binding of ['redirect', 'post'] as const) {
      const person = await known();
      const request = logoutRequestOf({
        issuer: provider,
        destination: `${person.base}/slo`,
        nameId: person.email,
        sessionIndex: person.sessionIndex,
      });
      const page = await (binding === 'redirect'
        ? redirect(person.base, redirectQuery(request, provided, { relayState }))
        : post(person.base, sign(request, 'LogoutRequest', provided)));
      const next = new URL(page.headers.get('location') ?? '');
      expect([page.status, next.origin + next.pathname]).toEqual([303, `${provider}/slo`]);
      expect(next.searchParams.get('RelayState')).toBe(binding === 'redirect' ? relayState : null);
      const [signed = '', signature = ''] = next.search.slice(1).split('&Signature=');
      const isRight = createVerify('RSA-SHA256')
        .update(signed)
        .verify(own.certificate, decodeURIComponent(signature), 'base64');
      expect([isRight, signed.startsWith('SAMLResponse=')]).toEqual([true, true]);
      const answer = inflateRawSync(Buffer.from(next.searchParams.get('SAMLResponse') ?? '', 'base64'));
      expect(answer.toString()).toContain('status:Success');
      expect(await statusOf(person.agent)).toBe(401);
    }
  });

  it('that aren’t the provider’s, not for here, old or used end nothing [S16]', async () => {
    const person = await known();
    const { base, email: nameId, sessionIndex } = person;
    const given = { issuer: provider, destination: `${base}/slo`, nameId, sessionIndex };
    const request = logoutRequestOf(given);
    const good = redirectQuery(request, provided);
    const bomb = redirectQuery(`${request}${' '.repeat(2_000_000)}`, provided);
    const pages = [
      await redirect(base, good.replace(/&SigAlg.*/, '')),
      await redirect(base, redirectQuery(request, foreign)),
      await redirect(
        base,
        redirectQuery(request, provided, { algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }),
      ),
      await redirect(base, `${good}&SAMLRequest=x`),
      await redirect(base, `RelayState=x&${good}`),
      await redirect(base, bomb),
      await redirect(
        base,
        redirectQuery(logoutRequestOf({ ...given, issuer: 'https://evil.example.com' }), provided),
      ),
      await redirect(
        base,
        redirectQuery(logoutRequestOf({ ...given, destination: 'https://other.example.com' }), provided),
      ),
      await redirect(base, redirectQuery(logoutRequestOf({ ...given, issued: -600 }), provided)),
      await redirect(base.replace('/forged', '/open'), good),
      await post(base, request),
      await post(base, sign(request, 'LogoutRequest', foreign)),
      await post(base, sign(request, 'LogoutRequest', provided).replace(nameId, newEmail())),
    ];
    expect(pages.map(({ status }) => status)).toEqual(pages.map(() => 400));
    expect(await statusOf(person.agent)).toBe(200);
    // A request that was carried out before reaches no later login.
    const once = redirectQuery(logoutRequestOf({ ...given, sessionIndex: newId() }), provided);
    expect((await redirect(base, once)).status).toBe(303);
    expect((await redirect(base, once)).status).toBe(400);
    expect(await statusOf(person.agent)).toBe(200);
  });
});

function metadataOf(entityId: string): string {
  const certificate = provided.certificate.replaceAll(/-----[^-]+-----|\s/g, '');
  return [
    `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}">`,
    '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">',
    '<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>',
    `<ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>`,
    '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>',
    '</IDPSSODescriptor></EntityDescriptor>',
  ].join('');
}
