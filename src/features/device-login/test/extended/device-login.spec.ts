import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../../../directory/audit/audit.service.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { OAuthApp, landingOf, tokensOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import {
  type NewApplication,
  administratorOf,
  registerApplication,
} from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
const allow = { name: 'decision', value: 'allow' } as const;
const deny = { name: 'decision', value: 'deny' } as const;
const begunSchema = z.strictObject({
  device_code: z.string(),
  user_code: z.string().regex(/^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/),
  verification_uri: z.url(),
  verification_uri_complete: z.url(),
  expires_in: z.literal(600),
  interval: z.literal(5),
});
const errorSchema = z.object({ error: z.string(), error_description: z.string() });
const metadataSchema = z.looseObject({
  device_authorization_endpoint: z.url(),
  grant_types_supported: z.array(z.string()),
});

type Begun = z.output<typeof begunSchema>;

/** A device without a browser: it knows what the metadata says, and its application's id. */
class Device {
  readonly app: OAuthApp;
  readonly #gateway: UserAgent;

  constructor(origin: string, client: { readonly id: string; readonly secret: string }) {
    this.app = new OAuthApp(origin, client, '');
    this.#gateway = new UserAgent(origin);
  }

  async ask(
    parameters: Readonly<Record<string, string>> = {},
    secret = this.app.client.secret,
  ): Promise<Page> {
    const { id } = this.app.client;
    return this.#gateway.request('/ory/hydra/oauth2/device/auth', {
      method: 'POST',
      headers:
        secret === '' ? {} : { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams(secret === '' ? { client_id: id, ...parameters } : parameters),
    });
  }

  async begin(parameters: Readonly<Record<string, string>> = {}): Promise<Begun> {
    const answer = await this.ask(parameters);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    return begunSchema.parse(answer.json());
  }

  async poll({ device_code: code }: Pick<Begun, 'device_code'>): Promise<Page> {
    return this.app.token(this.#gateway, { grant_type: grantType, device_code: code });
  }

  /** What a poll is told; `ok` for tokens. */
  async told(begun: Pick<Begun, 'device_code'>): Promise<string> {
    const answer = await this.poll(begun);
    return answer.status === 200 ? 'ok' : errorSchema.parse(answer.json()).error;
  }
}

describe.each(databaseKinds)('logins on devices, on %s', (database) => {
  let stack: Stack;
  let person: Person;
  let browser: UserAgent;
  let television: Device;
  let shifted = 0;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    person = await newUser();
    browser = await loggedIn(person);
    television = await registered({ name: 'Television', kind: 'native', firstParty: true });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  afterEach(() => {
    pass(-shifted);
  });

  async function newUser(): Promise<Person> {
    const someone = newPerson();
    await new OryAdmin(stack.env).createPerson(someone, { isVerified: true });
    return someone;
  }

  async function loggedIn(someone: Person): Promise<UserAgent> {
    const agent = new UserAgent(stack.url);
    await logIn(agent, someone);
    return agent;
  }

  async function registered(
    application: Partial<NewApplication> & Pick<NewApplication, 'name'>,
  ): Promise<Device> {
    const client = await registerApplication(stack, { redirectUris: [], deviceLogin: true, ...application });
    return new Device(stack.url, client);
  }

  /** Lets time pass for the gateway. */
  function pass(seconds: number): void {
    shifted += seconds;
    stack.shiftClock(shifted);
  }

  async function entered(agent: UserAgent, typed: string): Promise<Page> {
    return agent.submit(await agent.navigate('/device'), { user_code: typed });
  }

  async function decided(agent: UserAgent, typed: string, button: typeof allow | typeof deny): Promise<Page> {
    return agent.submit(await entered(agent, typed), {}, button);
  }

  /** Allows a login without following where that leads. */
  async function undecided(agent: UserAgent, page: Page, code: string): Promise<Page> {
    return agent.request('/device/decision', {
      method: 'POST',
      headers: { origin: stack.url },
      body: new URLSearchParams({
        decision: 'allow',
        user_code: code,
        session: page.html().querySelector('input[name=session]')?.getAttribute('value') ?? '',
      }),
    });
  }

  async function audited(clientId: string): Promise<(string | null)[][]> {
    await stack.app().get(AuditService, { strict: false }).flush();
    const rows = await stack
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select(['type', 'outcome'])
      .where('target_id', '=', clientId)
      .where('type', 'like', 'device-login:%')
      .orderBy('id')
      .execute();
    return rows.map(({ type, outcome }) => [type, outcome]);
  }

  describe('the journey of a television', () => {
    it('shows a code, which its user enters in the browser; it then has the tokens of Hydra, also later', async () => {
      const metadata = await new UserAgent(stack.url).request('/ory/hydra/.well-known/openid-configuration');
      const { device_authorization_endpoint: endpoint, grant_types_supported: grants } = metadataSchema.parse(
        metadata.json(),
      );
      expect([endpoint, grants.includes(grantType)]).toEqual([
        `${stack.url}/ory/hydra/oauth2/device/auth`,
        true,
      ]);
      const tv = await registered({
        name: 'Living room',
        kind: 'native',
        firstParty: true,
        scope: 'openid email offline_access',
      });
      const begun = await tv.begin({ scope: 'openid email offline_access' });
      expect(begun.verification_uri).toBe(`${stack.url}/device`);
      expect(await tv.told(begun)).toBe('authorization_pending');

      // Typed in another way than it is shown.
      const page = await entered(browser, begun.user_code.toLowerCase().replace('-', ' '));
      const text = page.html().querySelector('main')?.text ?? '';
      for (const shown of [
        begun.user_code,
        'Living room',
        '127.0.0.1',
        person.email,
        'started the login yourself',
      ]) {
        expect(text).toContain(shown);
      }
      const done = await browser.submit(page, {}, allow);
      expect([done.status, done.url, done.text]).toEqual([
        200,
        expect.stringContaining('/device/callback'),
        expect.stringContaining('You can go back to your device'),
      ]);

      pass(5);
      const tokens = tokensOf(await tv.poll(begun));
      const keys = createRemoteJWKSet(new URL('/ory/hydra/.well-known/jwks.json', stack.url));
      const { payload } = await jwtVerify(tokens.id_token ?? '', keys, {
        issuer: `${stack.url}/ory/hydra`,
        audience: tv.app.client.id,
      });
      expect(payload['email']).toBe(person.email);
      const bearer = { headers: { authorization: `Bearer ${tokens.access_token}` } };
      const userinfo = await new UserAgent(stack.url).request('/ory/hydra/userinfo', bearer);
      expect(userinfo.json()).toMatchObject({ sub: payload.sub, email: person.email });
      const refreshed = tokensOf(
        await tv.app.token(new UserAgent(stack.url), {
          grant_type: 'refresh_token',
          refresh_token: tokens.refresh_token ?? '',
        }),
      );
      expect(decodeJwt(refreshed.id_token ?? '').sub).toBe(payload.sub);
      // The code was good once.
      pass(5);
      expect(await tv.told(begun)).toBe('invalid_grant');
      expect(await audited(tv.app.client.id)).toEqual([['device-login:allowed', 'success']]);
    });

    it('a user who isn’t logged in logs in first, by the link that has the code', async () => {
      const begun = await television.begin();
      const agent = new UserAgent(stack.url);
      const form = await agent.navigate(begun.verification_uri_complete);
      const page = await agent.submit(form, { identifier: person.email, password: person.password });
      expect(page.text).toContain(begun.user_code);
      await agent.submit(page, {}, allow);
      expect(await television.told(begun)).toBe('ok');
    });

    it('what isn’t part of the product has its consent page, too, and gets what is allowed there', async () => {
      const other = await registered({ name: 'Foreign player', kind: 'native' });
      const begun = await other.begin({ scope: 'openid email' });
      const consent = await decided(browser, begun.user_code, allow);
      expect(consent.url).toContain('/ui/consent');
      pass(5);
      expect(await other.told(begun)).toBe('authorization_pending');
      const done = await browser.submit(consent, {}, allow);
      expect(done.text).toContain('You can go back to your device');
      pass(5);
      const tokens = tokensOf(await other.poll(begun));
      expect(decodeJwt(tokens.id_token ?? '')['email']).toBe(person.email);

      const refused = await other.begin({ scope: 'openid' });
      await browser.submit(await decided(browser, refused.user_code, allow), {}, deny);
      expect(await other.told(refused)).toBe('access_denied');
    });

    it('an application with a secret sends it, by header or form', async () => {
      const box = await registered({ name: 'Set-top box', kind: 'web', firstParty: true });
      const begun = await box.begin();
      await decided(browser, begun.user_code, allow);
      const { id, secret } = box.app.client;
      const wrong = new Device(stack.url, { id, secret: 'vsc_wrong' });
      const refusal = await wrong.ask();
      expect([refusal.status, errorSchema.parse(refusal.json()).error]).toEqual([401, 'invalid_client']);
      expect((await box.ask({}, '')).status).toBe(401);
      // A wrong secret uses nothing up.
      expect((await wrong.poll(begun)).status).toBe(401);
      pass(5);
      const answer = await new OAuthApp(stack.url, { id, secret: '' }, '').token(new UserAgent(stack.url), {
        client_secret: secret,
        grant_type: grantType,
        device_code: begun.device_code,
      });
      expect(answer.status).toBe(200);
    });

    it('a device is told to wait, to slow down, that it was denied, and that it is too late', async () => {
      const begun = await television.begin();
      expect(await television.told(begun)).toBe('authorization_pending');
      expect(await television.told(begun)).toBe('slow_down');
      pass(5);
      expect(await television.told(begun)).toBe('slow_down');
      pass(16);
      expect(await television.told(begun)).toBe('authorization_pending');
      const page = await decided(browser, begun.user_code, deny);
      expect([page.status, page.text]).toEqual([200, expect.stringContaining('Access denied')]);
      pass(16);
      expect(await television.told(begun)).toBe('access_denied');
      expect(await audited(television.app.client.id)).toContainEqual(['device-login:denied', 'success']);

      const late = await television.begin();
      pass(601);
      expect(await television.told(late)).toBe('expired_token');
      // Who has stayed away as long logs in anew; the code is no longer known.
      const agent = await loggedIn(person);
      expect((await entered(agent, late.user_code)).status).toBe(404);
    });
  });

  describe('what is refused', () => {
    it('an application that isn’t set up for it, a scope that isn’t its own, a resource, and what no application is', async () => {
      const plain = await registered({
        name: 'Plain',
        redirectUris: ['https://plain.example.test/callback'],
        deviceLogin: false,
      });
      const errors = [
        await plain.ask(),
        await television.ask({ scope: 'openid offline_access' }),
        await television.ask({ resource: 'https://notes.example/mcp' }),
        await television.ask({ audience: stack.url }),
        await new Device(stack.url, { id: 'vestibule-spa', secret: '' }).ask(),
        await new Device(stack.url, { id: 'nobody', secret: '' }).ask(),
        await new Device(stack.url, { id: '', secret: '' }).ask(),
      ].map((answer) => `${answer.status} ${errorSchema.parse(answer.json()).error}`);
      expect(errors).toEqual([
        '400 unauthorized_client',
        '400 invalid_scope',
        '400 invalid_target',
        '400 invalid_target',
        '400 unauthorized_client',
        '401 invalid_client',
        '401 invalid_client',
      ]);
    });

    it('kinds without a user, or with a browser of their own', async () => {
      const administrator = await administratorOf(stack);
      for (const kind of ['single_page', 'machine']) {
        const redirectUris = kind === 'machine' ? [] : ['https://page.example.test/'];
        const answer = await administrator.post('/api/v1/applications', {
          name: 'None',
          kind,
          redirectUris,
          deviceLogin: true,
        });
        expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('deviceLogin')]);
      }
    });

    it('a setting that is taken back ends it', async () => {
      const tv = await registered({
        name: 'Was one',
        kind: 'web',
        redirectUris: ['https://was.example.test/back'],
      });
      const begun = await tv.begin();
      const administrator = await administratorOf(stack);
      const answer = await administrator.send('PATCH', `/api/v1/applications/${tv.app.client.id}`, {
        deviceLogin: false,
      });
      expect(answer.json()).toMatchObject({
        deviceLogin: false,
        redirectUris: ['https://was.example.test/back'],
      });
      expect((await tv.ask()).status).toBe(400);
      expect((await entered(browser, begun.user_code)).status).toBe(404);
      expect(await tv.told(begun)).toBe('authorization_pending');
    });

    it('a setting that is taken back while a device waits for its tokens ends that, too', async () => {
      const tv = await registered({ name: 'Was ready', kind: 'native', firstParty: true });
      const begun = await tv.begin();
      await decided(browser, begun.user_code, allow);
      const administrator = await administratorOf(stack);
      await administrator.send('PATCH', `/api/v1/applications/${tv.app.client.id}`, {
        redirectUris: ['http://127.0.0.1/back'],
        deviceLogin: false,
      });
      expect(await tv.told(begun)).toBe('access_denied');
    });

    it('a redirect URI of an application’s own that looks like ours stays its own', async () => {
      const uri = 'https://tv.example.test/device/callback';
      const tv = await registered({ name: 'Alike', kind: 'web', redirectUris: [uri] });
      const administrator = await administratorOf(stack);
      const path = `/api/v1/applications/${tv.app.client.id}`;
      const answer = await administrator.send('PATCH', path, { name: 'Alike 2' });
      expect(answer.json()).toMatchObject({ redirectUris: [uri], deviceLogin: true });
      const atHydra = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/clients/${tv.app.client.id}`);
      expect(await atHydra.json()).toMatchObject({ redirect_uris: [uri, `${stack.url}/device/callback`] });
    });

    it('an answer that decides nothing: the code can be entered again', async () => {
      const begun = await television.begin();
      const page = await entered(browser, begun.user_code);
      const { searchParams } = landingOf(await undecided(browser, page, begun.user_code));
      const state = searchParams.get('state') ?? '';
      const query = new URLSearchParams({ state, error: 'temporarily_unavailable' });
      expect((await browser.navigate(`/device/callback?${query}`)).status).toBe(409);
      expect(await television.told(begun)).toBe('authorization_pending');
      await decided(browser, begun.user_code, allow);
      pass(5);
      expect(await television.told(begun)).toBe('ok');
    });

    it('a device code of another application, and one that was made up', async () => {
      const other = await registered({ name: 'Other', kind: 'native', firstParty: true });
      const begun = await television.begin();
      await decided(browser, begun.user_code, allow);
      expect(await other.told(begun)).toBe('invalid_grant');
      expect(await television.told({ device_code: 'x'.repeat(43) })).toBe('invalid_grant');
      expect(await television.told({ device_code: '' })).toBe('invalid_grant');
      expect(await television.told(begun)).toBe('ok');
    });

    it('a code that someone has already decided about, also the second time', async () => {
      const begun = await television.begin();
      const page = await entered(browser, begun.user_code);
      await browser.submit(page, {}, allow);
      const second = await loggedIn(await newUser());
      expect((await entered(second, begun.user_code)).status).toBe(404);
      // The same user goes back to the page and presses again.
      expect((await browser.submit(page, {}, deny)).status).toBe(404);
      expect(await television.told(begun)).toBe('ok');
    });

    it('of two users who allow the same code at once, one', async () => {
      const begun = await television.begin();
      const others = [await loggedIn(await newUser()), await loggedIn(await newUser())];
      const pages = await Promise.all(others.map(async (agent) => entered(agent, begun.user_code)));
      const ends = await Promise.all(
        others.map(async (agent, index) => {
          const page = pages[index];
          return page === undefined ? undefined : agent.submit(page, {}, allow);
        }),
      );
      expect(ends.map((page) => page?.status).toSorted()).toEqual([200, expect.toBeOneOf([404, 409])]);
      expect(await television.told(begun)).toBe('ok');
    });

    it('of two requests of a device at once, all but one', async () => {
      const begun = await television.begin();
      await decided(browser, begun.user_code, allow);
      const told = await Promise.all(Array.from({ length: 6 }, async () => television.told(begun)));
      expect(told.filter((word) => word === 'ok')).toHaveLength(1);
      expect(
        told.filter((word) => !/^(?:ok|slow_down|authorization_pending|invalid_grant)$/.test(word)),
      ).toEqual([]);
    });

    it('an answer of Hydra that belongs to no login of this browser', async () => {
      const begun = await television.begin();
      const attacker = await loggedIn(await newUser());
      const page = await entered(attacker, begun.user_code);
      const { searchParams } = landingOf(await undecided(attacker, page, begun.user_code));
      // The attacker has another user's browser finish their device's login: it was not asked, so it does not.
      const state = searchParams.get('state') ?? '';
      expect(state).toHaveLength(43);
      const query = new URLSearchParams({ state, code: 'ory_ac_x' });
      expect((await browser.navigate(`/device/callback?${query}`)).status).toBe(409);
      const request = `/ory/hydra/oauth2/auth?${searchParams}`;
      expect((await browser.navigate(request)).status).toBe(409);
      expect(await television.told(begun)).toBe('authorization_pending');
    });

    it('a decision of another session, of another site, of an API key, and of nobody', async () => {
      const begun = await television.begin();
      const page = await entered(browser, begun.user_code);
      const agent = await loggedIn(person);
      expect((await agent.submit(page, {}, allow)).status).toBe(403);
      const body = new URLSearchParams({ decision: 'allow', user_code: begun.user_code, session: 'x' });
      const foreign = { method: 'POST', headers: { origin: 'https://evil.example' }, body };
      expect((await browser.request('/device/decision', foreign)).status).toBe(403);
      const nobody = { method: 'POST', headers: { origin: stack.url }, body };
      expect((await new UserAgent(stack.url).request('/device/decision', nobody)).status).toBe(401);
      expect(await television.told(begun)).toBe('authorization_pending');
    });

    it('a user who is disabled before the device comes', async () => {
      const someone = await newUser();
      const agent = await loggedIn(someone);
      const { user } = z
        .object({ user: z.looseObject({ id: z.string() }) })
        .parse((await agent.fetch('/auth/session')).json());
      const begun = await television.begin();
      await decided(agent, begun.user_code, allow);
      const administrator = await administratorOf(stack);
      const answer = await administrator.post(`/api/v1/users/${user.id}/disable`, {});
      expect(answer.status).toBeLessThan(300);
      expect(await television.told(begun)).toBe('invalid_grant');
    });
  });
});

describe('guesses of codes', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      env: { RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'device-address=8/10m,device-all=11/10m' },
    });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('end after five for a user, and later for a network and for all; polls and right codes cost nothing', async () => {
    const tv = new Device(
      stack.url,
      await registerApplication(stack, {
        name: 'TV',
        kind: 'native',
        redirectUris: [],
        deviceLogin: true,
        firstParty: true,
      }),
    );
    const guess = async (agent: UserAgent): Promise<number> =>
      (await agent.submit(await agent.navigate('/device'), { user_code: 'BBBB-BBBB' })).status;
    const user = async (): Promise<UserAgent> => {
      const [agent, someone] = [new UserAgent(stack.url), newPerson()];
      await new OryAdmin(stack.env).createPerson(someone, { isVerified: true });
      await logIn(agent, someone);
      return agent;
    };
    const first = await user();
    for (let count = 0; count < 6; count += 1) {
      const begun = await tv.begin();
      const page = await first.navigate(begun.verification_uri_complete);
      expect(page.status).toBe(200);
      expect(await tv.told(begun)).toBe('authorization_pending');
    }
    const guesses = [];
    for (let count = 0; count < 6; count += 1) {
      guesses.push(await guess(first));
    }
    expect(guesses).toEqual([404, 404, 404, 404, 404, 429]);
    // A page of another site has nothing counted: its link fills in the field.
    const victim = await user();
    for (let count = 0; count < 7; count += 1) {
      const led = await victim.request('/device?user_code=BBBB-BBBB', {
        headers: { accept: 'text/html', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      });
      expect([led.status, led.html().querySelector('#user-code')?.getAttribute('value')]).toEqual([
        200,
        'BBBB-BBBB',
      ]);
    }
    const right = await tv.begin();
    expect((await first.navigate(right.verification_uri_complete)).status).toBe(429);
    // Of the same network: three more.
    const second = await user();
    const further = [];
    for (let count = 0; count < 4; count += 1) {
      further.push(await guess(second));
    }
    expect(further).toEqual([404, 404, 404, 429]);
  });

  it('a device that asks as often as it may isn’t refused for its failures, and one that asks more often is', async () => {
    const tv = new Device(
      stack.url,
      await registerApplication(stack, {
        name: 'TV 2',
        kind: 'native',
        redirectUris: [],
        deviceLogin: true,
        firstParty: true,
      }),
    );
    const begun = await tv.begin();
    const told = new Set<string>();
    for (let count = 1; count <= 115; count += 1) {
      stack.shiftClock(count * 5);
      told.add(await tv.told(begun));
    }
    expect([...told]).toEqual(['authorization_pending']);
    const hasty = [];
    for (let count = 0; count < 110; count += 1) {
      hasty.push((await tv.poll(begun)).status);
    }
    expect([hasty[0], hasty.at(-1)]).toEqual([400, 429]);
  });
});
