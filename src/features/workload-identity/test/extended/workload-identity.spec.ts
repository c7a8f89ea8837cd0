import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JWTPayload, decodeJwt, exportSPKI } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../../../directory/audit/audit.service.js';
import { newId } from '../../../../platform/core/identifier.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { administratorOf, registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { signHmac, signRaw } from '../../../../../test/support/token.forge.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';
import { newPerson } from '../../../../../test/support/person.js';
import { WorkloadIssuer } from '../../../../../test/support/workload.issuer.js';
import { WorkloadDatabase } from '../../workload-rule.schema.js';

const sub = 'repo:acme/shop:ref:refs/heads/main';
const cluster = 'https://kubernetes.default.svc.cluster.local';
const ruleSchema = z.looseObject({ id: z.string() });
const tokenSchema = z.looseObject({ access_token: z.string(), expires_in: z.number() });

describe.each(databaseKinds)('workload identity, on %s', (database) => {
  let stack: Stack;
  let folder: string;
  let ci: WorkloadIssuer;
  let other: WorkloadIssuer;
  let unknown: WorkloadIssuer;
  let administrator: UserAgent;
  let machine: string;
  let web: string;

  beforeAll(async () => {
    [ci, other, unknown] = [
      await WorkloadIssuer.start(),
      await WorkloadIssuer.start(),
      await WorkloadIssuer.start(),
    ];
    folder = await mkdtemp(join(tmpdir(), 'vestibule-workloads-'));
    const hosts = [ci, other, unknown].map(({ host }) => host).join();
    await writeKeys({});
    stack = await startStack({
      database,
      postgresUrl: inject('postgresUrl'),
      sharedOry: true,
      env: { ORG_CONNECTION_HOSTS: hosts, WORKLOAD_KEYS_FILE: join(folder, 'keys.json') },
    });
    administrator = await administratorOf(stack);
    machine = await newMachine();
    web = (await registerApplication(stack, { name: 'Wiki', redirectUris: ['https://wiki.example/cb'] })).id;
    await trust(machine, { issuer: ci.url, claims: { sub } });
    await trust(machine, { issuer: other.url, claims: { sub: 'another' } });
  });

  afterEach(() => {
    stack.shiftClock(0);
    [ci.metadata, other.metadata, unknown.metadata] = [{}, {}, {}];
  });

  afterAll(async () => {
    await stack?.stop();
    await Promise.all([ci?.stop(), other?.stop(), unknown?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  async function newMachine(): Promise<string> {
    const definition = { name: `Robot ${newId()}`, kind: 'machine', redirectUris: [] } as const;
    return (await registerApplication(stack, { ...definition, scope: 'profile:read shop:read' })).id;
  }

  const writeKeys = async (keys: unknown): Promise<void> =>
    writeFile(join(folder, 'keys.json'), JSON.stringify(keys));

  const pathOf = (id: string): string => `/api/v1/applications/${id}/workloads`;

  /** Makes a rule. @returns its id. */
  async function trust(id: string, rule: Readonly<Record<string, unknown>>): Promise<string> {
    const answer = await administrator.post(pathOf(id), rule);
    expect([answer.status, answer.status === 201 ? '' : answer.text]).toEqual([201, '']);
    return ruleSchema.parse(answer.json()).id;
  }

  const exchange = async (
    token: string,
    changes: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Page> =>
    new UserAgent(stack.url).request('/auth/token', {
      method: 'POST',
      body: new URLSearchParams(
        Object.entries({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          subject_token: token,
          client_id: machine,
          ...changes,
        }).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
    });

  /** The claims of the trusted workload. */
  const claims = (changes: Readonly<Record<string, unknown>> = {}): JWTPayload =>
    ci.claims(stack.url, changes);
  const sign = async (changes: Readonly<Record<string, unknown>> = {}): Promise<string> =>
    ci.keys.sign(claims(changes));
  const seconds = (more: number): number => Math.floor(Date.now() / 1000) + more;
  const statusWith = async (bearer: string): Promise<number> =>
    (
      await new UserAgent(stack.url).request('/auth/session', {
        headers: { authorization: `Bearer ${bearer}` },
      })
    ).status;
  const bearerOf = (answer: Page): string => tokenSchema.parse(answer.json()).access_token;
  const events = async (): Promise<string> => {
    await stack.app().get(AuditService, { strict: false }).flush();
    return (await administrator.fetch('/api/v1/audit-events?limit=20')).text;
  };

  /** What the log says of a refusal. */
  async function reasonOf(answering: Promise<Page>): Promise<string | undefined> {
    const before = stack.log.length;
    const answer = await answering;
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('"invalid_request"')]);
    expect(answer.text).not.toContain('access_token');
    const line = stack.log.slice(before).find((text) => text.includes('token request refused'));
    return /"reason":"(\w+)"/.exec(line ?? '')?.[1];
  }

  describe('a token of a trusted workload', () => {
    it('is exchanged for what the secret of its machine brings, and again', async () => {
      const token = await sign();
      const answer = await exchange(token);
      expect(answer.json()).toEqual({
        access_token: expect.any(String),
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: expect.any(Number),
        scope: 'profile:read shop:read',
      });
      const issued = decodeJwt(bearerOf(answer));
      expect(issued).toMatchObject({
        iss: stack.url,
        aud: stack.url,
        client_id: machine,
        sub_profile: 'service',
        amr: ['client_credentials'],
      });
      expect(issued.exp).toBeLessThanOrEqual(decodeJwt(token).exp ?? 0);
      expect(await statusWith(bearerOf(answer))).toBe(200);
      const again = decodeJwt(bearerOf(await exchange(token, { scope: 'profile:read' })));
      expect([again.sub, again['scope']]).toEqual([issued.sub, 'profile:read']);
      expect(await events()).toContain('"reason":"from_workload"');
      expect(await events()).not.toContain('acme/shop');
    });

    it('gets nothing beyond the scope of the machine', async () => {
      const answer = await exchange(await sign(), { scope: 'api' });
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('invalid_scope')]);
    });

    it('bounds what comes of it, also through a second exchange', async () => {
      const exp = seconds(40);
      const first = bearerOf(await exchange(await sign({ exp })));
      const second = bearerOf(await exchange(first, { client_id: undefined }));
      expect([decodeJwt(first).exp, decodeJwt(second).exp]).toEqual([exp, exp]);
    });

    it('lives an hour at most, and what comes of it TOKEN_TTL', async () => {
      const now = seconds(0);
      const answer = await exchange(await sign({ iat: now, exp: now + 3600 }));
      expect(tokenSchema.parse(answer.json()).expires_in).toBeLessThanOrEqual(900);
    });

    it('may name its one audience in a list', async () => {
      expect((await exchange(await sign({ aud: [stack.url] }))).status).toBe(200);
    });

    it('has numbers that are compared as text, and ids with a branch are enough', async () => {
      const id = await newMachine();
      await trust(id, { issuer: ci.url, claims: { repository_id: '1296269', ref: 'refs/heads/main' } });
      const of = async (changes: Readonly<Record<string, unknown>>): Promise<number> =>
        (await exchange(await sign({ sub: 'any', ref: 'refs/heads/main', ...changes }), { client_id: id }))
          .status;
      expect([await of({ repository_id: '1296269' }), await of({ repository_id: 1296269 })]).toEqual([
        200, 200,
      ]);
      expect([
        await of({ repository_id: '1296270' }),
        await of({ repository_id: ['1296269'] }),
        await of({ repository_id: '1296269', ref: 'refs/heads/main-2' }),
        await of({}),
      ]).toEqual([400, 400, 400, 400]);
    });

    it('has the audience of its rule, which may be a path of the gateway', async () => {
      const id = await newMachine();
      const audience = `${stack.url}/ci`;
      await trust(id, { issuer: ci.url, audience, claims: { sub } });
      expect((await exchange(await sign({ aud: audience }), { client_id: id })).status).toBe(200);
      expect(await reasonOf(exchange(await sign(), { client_id: id }))).toBe('workload_audience_differs');
    });
  });

  describe('attack: a token that no rule lets in', () => {
    it.each<[string, string, () => Promise<string>]>([
      [
        'of another workload',
        'workload_claims_differ',
        () => sign({ sub: 'repo:acme/toys:ref:refs/heads/main' }),
      ],
      ['of a workload whose name begins alike', 'workload_claims_differ', () => sign({ sub: `${sub}-2` })],
      ['in other capitals', 'workload_claims_differ', () => sign({ sub: sub.toUpperCase() })],
      ['without a subject', 'workload_claims_differ', () => sign({ sub: undefined })],
      ['with a list as its subject', 'workload_claims_differ', () => sign({ sub: [sub] })],
      ['with the subject of another issuer’s rule', 'workload_claims_differ', () => sign({ sub: 'another' })],
      ['of another issuer', 'workload_claims_differ', async () => other.keys.sign(other.claims(stack.url))],
      ['with another issuer’s key', 'workload_token_invalid', async () => other.keys.sign(claims())],
      [
        'with another issuer’s key under the right key id',
        'workload_token_invalid',
        async () => other.keys.sign(claims(), ci.keys.jwk.kid),
      ],
      ['with a forged signature', 'workload_token_invalid', async () => ci.keys.forge(claims())],
      [
        'of an issuer without a rule',
        'workload_not_trusted',
        async () => unknown.keys.sign(unknown.claims(stack.url)),
      ],
      ['of an issuer with a slash more', 'workload_not_trusted', () => sign({ iss: `${ci.url}/` })],
      [
        'of an issuer in other capitals',
        'workload_not_trusted',
        () => sign({ iss: ci.url.replace('http', 'HTTP') }),
      ],
      ['for another audience', 'workload_audience_differs', () => sign({ aud: 'https://elsewhere.example' })],
      [
        'for an audience with a slash more',
        'workload_audience_differs',
        () => sign({ aud: `${stack.url}/` }),
      ],
      [
        'for several audiences',
        'workload_token_claims',
        () => sign({ aud: [stack.url, 'https://elsewhere.example'] }),
      ],
      ['for no audience', 'workload_token_claims', () => sign({ aud: undefined })],
      ['for an empty list of audiences', 'workload_token_claims', () => sign({ aud: [] })],
      ['that has expired', 'workload_token_invalid', () => sign({ iat: seconds(-900), exp: seconds(-300) })],
      [
        'that expired a second ago',
        'workload_token_not_live',
        () => sign({ iat: seconds(-600), exp: seconds(-1) }),
      ],
      ['from the future', 'workload_token_not_live', () => sign({ iat: seconds(300), exp: seconds(900) })],
      ['that isn’t valid yet', 'workload_token_invalid', () => sign({ nbf: seconds(300) })],
      ['that lives longer than an hour', 'workload_token_too_long', () => sign({ exp: seconds(3700) })],
      ['that began long ago', 'workload_token_too_long', () => sign({ iat: seconds(-86_400) })],
      ['without iat', 'workload_token_claims', () => sign({ iat: undefined })],
      ['without exp', 'workload_token_claims', () => sign({ exp: undefined })],
      ['with times as text', 'workload_token_invalid', () => sign({ exp: String(seconds(600)) })],
      ['without a signature', 'workload_token_invalid', async () => ci.keys.tamper(await sign(), 'alg-none')],
      [
        'with the public key as the secret of an HMAC',
        'workload_token_invalid',
        async () =>
          signHmac(
            Buffer.from(await exportSPKI(ci.keys.publicKey)),
            { kid: ci.keys.jwk.kid },
            { ...claims() },
          ),
      ],
      [
        'with its own key in the header',
        'workload_token_invalid',
        async () => {
          const { kty, n, e } = other.keys.jwk;
          const header = {
            alg: 'RS256',
            jwk: { kty, n, e },
            jku: `${other.url}/jwks`,
            kid: other.keys.jwk.kid,
          };
          return signRaw(other.keys.privateKey, header, claims());
        },
      ],
      [
        'with an extension that must be understood',
        'workload_token_invalid',
        async () =>
          signRaw(
            ci.keys.privateKey,
            { alg: 'RS256', kid: ci.keys.jwk.kid, crit: ['b64'], b64: false },
            claims(),
          ),
      ],
    ])('%s is refused', async (_what, reason, make) => {
      expect(await reasonOf(exchange(await make()))).toBe(reason);
    });

    it.each(['', 'e30', 'e30.e30', 'e30.e30.', 'e30.W10.e30', `e30.${'é'.repeat(9)}.e30`])(
      'the text “%s” is refused',
      async (text) => {
        expect((await exchange(text)).status).toBe(400);
      },
    );

    it('is refused for another machine, an application with users, and what is no id', async () => {
      const token = await sign();
      const second = await newMachine();
      for (const id of [second, web, newId(), 'vestibule-cli', `${machine}\0`, "' or 1=1 --"]) {
        expect(await reasonOf(exchange(token, { client_id: id }))).toBe('workload_not_trusted');
      }
      expect(await reasonOf(exchange(token, { client_id: undefined }))).toBe('workload_without_client');
      expect((await exchange(token, { client_id: machine.toUpperCase() })).status).toBe(200);
    });

    it('is refused as an actor, and as an access token', async () => {
      const token = await sign();
      const bearer = bearerOf(await exchange(token));
      const actor = { actor_token: token, actor_token_type: 'urn:ietf:params:oauth:token-type:jwt' };
      expect((await exchange(bearer, { ...actor, client_id: undefined })).status).toBe(400);
      const type = 'urn:ietf:params:oauth:token-type:access_token';
      expect((await exchange(token, { subject_token_type: type })).status).toBe(400);
      expect(await statusWith(token)).toBe(401);
    });

    it('causes no request to an issuer that no rule of the machine names', async () => {
      const before = unknown.asked.length;
      await reasonOf(exchange(await unknown.keys.sign(unknown.claims(stack.url))));
      expect(unknown.asked.length).toBe(before);
    });
  });

  describe('the keys of an issuer', () => {
    it.each([
      ['is away', { status: 500 }],
      ['describes another issuer', { issuer: 'https://token.actions.githubusercontent.com' }],
      ['has a slash more than it said', { issuer: 'http://127.0.0.1/' }],
      ['has its keys where the gateway may not go', { jwks_uri: 'http://169.254.169.254/keys' }],
      ['has no keys', { jwks_uri: undefined }],
      ['answers with a redirect', { status: 302 }],
    ])('of one that %s let nobody in', async (_what, metadata) => {
      const issuer = await WorkloadIssuer.start();
      // Another port: the host itself is allowed by the setting that names it.
      await stack.restartGateway({
        ORG_CONNECTION_HOSTS: [ci, other, unknown, issuer].map(({ host }) => host).join(),
      });
      const id = await newMachine();
      await trust(id, { issuer: issuer.url, claims: { sub } });
      issuer.metadata = metadata;
      const token = await issuer.keys.sign(issuer.claims(stack.url));
      for (const _again of [1, 2, 3]) {
        expect((await exchange(token, { client_id: id })).status).toBe(503);
      }
      expect(issuer.asked.filter((path) => path.endsWith('/openid-configuration'))).toHaveLength(1);
      await issuer.stop();
    });

    it('are read from the file, which may change, and not from the issuer', async () => {
      const id = await newMachine();
      const rule = {
        issuer: cluster,
        claims: { 'kubernetes.io/namespace': 'shop', 'kubernetes.io/serviceaccount/name': 'robot' },
      };
      const account = { namespace: 'shop', serviceaccount: { name: 'robot', uid: newId() } };
      const sa = { iss: cluster, sub: 'system:serviceaccount:shop:robot' };
      const token = await sign({ ...sa, 'kubernetes.io': account });
      const { kty, kid, n, e } = ci.keys.jwk;
      await writeKeys({ [cluster]: { keys: [{ kty, kid, n, e, use: 'jwt-svid' }] } });
      await trust(id, rule);
      expect((await exchange(token, { client_id: id })).status).toBe(200);
      const elsewhere = await sign({ ...sa, 'kubernetes.io': { ...account, namespace: 'toys' } });
      expect(await reasonOf(exchange(elsewhere, { client_id: id }))).toBe('workload_claims_differ');
      await writeKeys({ [cluster]: { keys: [] } });
      expect(await reasonOf(exchange(token, { client_id: id }))).toBe('workload_token_invalid');
      await writeKeys([]);
      const unusable = await exchange(token, { client_id: id });
      expect([unusable.status, unusable.json()]).toMatchObject([
        503,
        { detail: expect.stringMatching(/^WORKLOAD_KEYS_FILE can’t be used: /) },
      ]);
      expect(await events()).toContain(id);
      await writeKeys({});
    });
  });

  describe('the rules', () => {
    it('are listed, and end with all tokens of the machine when they are removed', async () => {
      const id = await newMachine();
      const rule = await trust(id, { issuer: ci.url, claims: { sub } });
      expect((await administrator.fetch(pathOf(id))).json()).toEqual({
        items: [
          { id: rule, issuer: ci.url, audience: stack.url, claims: { sub }, createdAt: expect.any(String) },
        ],
      });
      const token = await sign();
      const bearer = bearerOf(await exchange(token, { client_id: id }));
      expect(await statusWith(bearer)).toBe(200);
      expect((await administrator.send('DELETE', `${pathOf(machine)}/${rule}`)).status).toBe(404);
      expect((await administrator.send('DELETE', `${pathOf(id)}/${rule}`)).status).toBe(204);
      expect((await administrator.send('DELETE', `${pathOf(id)}/${rule}`)).status).toBe(404);
      expect(await statusWith(bearer)).toBe(401);
      expect(await reasonOf(exchange(token, { client_id: id }))).toBe('workload_not_trusted');
      const recorded = await events();
      expect(recorded).toContain('workload-identity:rule_created');
      expect(recorded).toContain('workload-identity:rule_deleted');
    });

    it('are no use once their application is gone, and go with the next rule', async () => {
      const id = await newMachine();
      await trust(id, { issuer: ci.url, claims: { sub } });
      expect((await administrator.send('DELETE', `/api/v1/applications/${id}`)).status).toBe(204);
      expect(await reasonOf(exchange(await sign(), { client_id: id }))).toBe('workload_without_machine');
      await trust(await newMachine(), { issuer: ci.url, claims: { sub } });
      const { query } = stack.app().get(WorkloadDatabase, { strict: false });
      const left = query.selectFrom('workload_rules').select('id').where('application_id', '=', id);
      expect(await left.execute()).toEqual([]);
    });

    it('are for machines, twenty for each', async () => {
      for (const id of [web, newId(), 'vestibule-cli']) {
        expect((await administrator.fetch(pathOf(id))).status).toBe(404);
        expect((await administrator.post(pathOf(id), { issuer: ci.url, claims: { sub } })).status).toBe(404);
        expect((await administrator.send('DELETE', `${pathOf(id)}/${newId()}`)).status).toBe(404);
      }
      const id = await newMachine();
      await trust(id, { issuer: ci.url, claims: { sub, ref: 'main' } });
      const again = await administrator.post(pathOf(id), { issuer: ci.url, claims: { ref: 'main', sub } });
      expect(again.text).toContain('The machine has this rule already.');
      for (let count = 1; count < 20; count += 1) {
        await trust(id, { issuer: ci.url, claims: { sub: `${sub}${count}` } });
      }
      expect((await administrator.post(pathOf(id), { issuer: ci.url, claims: { sub } })).status).toBe(409);
    });

    it('are made by administrators alone', async () => {
      const user = new UserAgent(stack.url);
      await arriveVerified(user, stack, newPerson());
      expect((await user.fetch(pathOf(machine))).status).toBe(403);
      expect((await user.post(pathOf(machine), { issuer: ci.url, claims: { sub } })).status).toBe(403);
      expect((await user.send('DELETE', `${pathOf(machine)}/${newId()}`)).status).toBe(403);
      expect(
        (await new UserAgent(stack.url).post(pathOf(machine), { issuer: ci.url, claims: { sub } })).status,
      ).toBe(401);
      const bearer = bearerOf(await exchange(await sign()));
      const answer = await new UserAgent(stack.url).request(pathOf(machine), {
        headers: { authorization: `Bearer ${bearer}` },
      });
      expect(answer.status).toBe(403);
    });

    it('name an issuer that may be called, or whose keys are in the file, and an audience of the gateway’s', async () => {
      const fieldsOf = async (rule: Readonly<Record<string, unknown>>): Promise<unknown> => {
        const answer = await administrator.post(pathOf(machine), { claims: { sub }, ...rule });
        const schema = z.looseObject({ errors: z.array(z.looseObject({ field: z.string() })).default([]) });
        return [answer.status, ...schema.parse(answer.json()).errors.map(({ field }) => field)];
      };
      for (const issuer of [
        'https://127.0.0.1:1',
        'https://10.0.0.7',
        'https://metadata.google.internal',
        'http://127.0.0.1:1',
        stack.url,
        `${stack.url}/ory/hydra`,
      ]) {
        expect([issuer, await fieldsOf({ issuer })]).toEqual([issuer, [400, 'issuer']]);
      }
      for (const audience of ['sts.amazonaws.com', `${stack.url}.example`, 'https://github.com/acme', '']) {
        expect(await fieldsOf({ issuer: ci.url, audience })).toEqual([400, 'audience']);
      }
    });
  });

  it('a machine that got a token of its secret keeps its account', async () => {
    const client = await registerApplication(stack, {
      name: 'Both',
      kind: 'machine',
      redirectUris: [],
      scope: 'shop:read',
    });
    await trust(client.id, { issuer: ci.url, claims: { sub } });
    const given = await new OAuthApp(stack.url, client, '').token(new UserAgent(stack.url), {
      grant_type: 'client_credentials',
      audience: stack.url,
    });
    const secretToken = z.looseObject({ access_token: z.string() }).parse(given.json()).access_token;
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    const bySecret = decodeJwt(
      bearerOf(await exchange(secretToken, { client_id: undefined, subject_token_type: type })),
    );
    const byWorkload = decodeJwt(bearerOf(await exchange(await sign(), { client_id: client.id })));
    for (const name of ['jti', 'iat', 'nbf', 'exp']) {
      delete bySecret[name];
      delete byWorkload[name];
    }
    expect(byWorkload).toEqual(bySecret);
  });
});
