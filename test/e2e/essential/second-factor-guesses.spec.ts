import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { socialProviders } from '../../../src/platform/config/social-providers.parser.js';
import { Clock } from '../../../src/platform/time/clock.service.js';
import { findFreePorts } from '../../../src/launcher/port-finder.js';
import { KratosClient } from '../../../src/providers/ory/kratos/kratos.client.js';
import { SessionQuestions } from '../../../src/providers/ory/kratos/session-questions.js';
import { holderOfSession } from '../../../src/providers/ory/proxy/session-account.js';
import { startOddOry } from '../../support/odd.ory.js';
import { type OpenIdAccount, newAccount } from '../../support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid.provider.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { startReplicas } from '../../support/replicas.js';
import { enrolTotp, giveTotp } from '../../support/second.factor.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent, formOf } from '../../support/user-agent.js';

/** An account without a password, and the app of its second factor. */
interface Holder {
  /** Begins a session in a new browser. @returns the page after its first factor. */
  readonly enter: (agent: UserAgent) => Promise<Page>;
  readonly secret: string;
  readonly identityId: string;
}

const clientSecret = 'a-secret-of-this-test-alone';
const logoutSchema = z.looseObject({ logout_url: z.url() });
let stack: Stack;
let provider: OpenIdProvider;
let lastHost = 0;

beforeAll(async () => {
  stack = await startStack({
    env: {
      RATE_LIMIT: 'true',
      TRUST_PROXY: 'loopback',
      RATE_LIMIT_POLICIES: 'login-pair=3/1h,login-account=7/1h,login-address=1000/1h',
    },
    oryLogLevel: 'debug',
    socialProviders: async (origin) => {
      const [port = 0] = await findFreePorts(1);
      provider = await startOpenIdProvider({
        flavour: 'plain',
        port,
        audience: 'unused',
        clients: [
          {
            client_id: 'kratos',
            client_secret: clientSecret,
            redirect_uris: [`${origin}/ory/kratos/self-service/methods/oidc/callback`],
          },
        ],
      });
      return socialProviders.parse(
        JSON.stringify([
          {
            id: 'stand-in',
            provider: 'generic',
            label: 'Stand-in',
            client_id: 'kratos',
            client_secret: clientSecret,
            issuer_url: provider.issuer,
            claims_source: 'userinfo',
            pkce: 'force',
          },
        ]),
      );
    },
  });
});

afterAll(async () => {
  await stack?.stop();
  await provider?.stop();
});

/** An address that nobody has used before. */
function newAddress(): string {
  lastHost += 1;
  return `198.18.${Math.floor(lastHost / 250)}.${(lastHost % 250) + 1}`;
}

/** Logs in by the button of the third party, in a browser that isn't logged in there. @returns the page that follows here. */
async function enterAtProvider(agent: UserAgent, account: OpenIdAccount): Promise<Page> {
  const page = await agent.navigate('/auth/login');
  const leaving = await agent.submit(page, {}, { name: 'provider', value: 'stand-in' });
  const [, target = ''] = /url=([^"]+)"/i.exec(leaving.text) ?? [];
  const there = new UserAgent(provider.origin);
  const back = await there.submit(await there.navigate(target.replaceAll('&amp;', '&')), {
    login: account.sub,
    password: 'x',
  });
  return agent.navigate(back.headers.get('location') ?? '');
}

/** Somebody who logs in by the third party alone, and has an app for a second factor. */
async function newHolder(): Promise<Holder> {
  const account = newAccount();
  provider.add(account);
  const agent = new UserAgent(stack.url);
  await enterAtProvider(agent, account);
  const { identityId } = await new OryAdmin(stack.env).sessionOf(agent);
  const secret = await enrolTotp(agent);
  return { enter: (other) => enterAtProvider(other, account), secret, identityId };
}

/** One wrong code in a session that was just begun, and that is logged out afterwards. @returns the status. */
async function guess({ enter }: Holder, address: string, listener = stack.url): Promise<number> {
  const agent = new UserAgent(stack.url);
  const page = await enter(agent);
  const { action, body } = formOf(page, { totp_code: '000000' });
  const { status } = await agent.turnTo(listener).request(action, {
    method: 'POST',
    body,
    headers: {
      accept: 'text/html',
      origin: stack.url,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
      'x-forwarded-for': address,
    },
  });
  const logout = await agent.fetch('/ory/kratos/self-service/logout/browser');
  await agent.navigate(logoutSchema.parse(logout.json()).logout_url);
  return status;
}

async function guesses(holder: Holder, addresses: readonly string[], listener?: string): Promise<number[]> {
  const seen: number[] = [];
  for (const address of addresses) {
    seen.push(await guess(holder, address, listener));
  }
  return seen;
}

describe('guesses of the second factor of an account that logs in by a third party alone', () => {
  it('end together, however many sessions they are spread over [L35]', async () => {
    const holder = await newHolder();
    const address = newAddress();
    expect(await guesses(holder, Array<string>(5).fill(address))).toEqual([303, 303, 303, 429, 429]);
    // Another account at the same address isn't concerned, nor is the owner elsewhere.
    expect(await guess(await newHolder(), address)).toBe(303);
    const owner = new UserAgent(stack.url);
    const end = await giveTotp(owner, await holder.enter(owner), holder.secret);
    expect(new URL(end.url).origin).toBe(stack.url);
    expect((await owner.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
  });

  it('end together, from however many networks they come [L35]', async () => {
    const holder = await newHolder();
    expect(await guesses(holder, Array.from({ length: 9 }, newAddress))).toEqual([
      ...Array<number>(7).fill(303),
      429,
      429,
    ]);
    expect(await guess(await newHolder(), newAddress())).toBe(303);
  });
});

it('a replica asks as well, and Kratos tells it by way of the other gateway', async () => {
  const holder = await newHolder();
  const [replica] = await startReplicas(stack, 1);
  try {
    const address = newAddress();
    expect(await guesses(holder, Array<string>(4).fill(address), replica?.url)).toEqual([303, 303, 303, 429]);
  } finally {
    await replica?.stop();
  }
});

it('the question writes nothing at Kratos, and no log names the identity', async () => {
  const holder = await newHolder();
  const agent = new UserAgent(stack.url);
  await holder.enter(agent);
  const header = await agent.jar.getCookieString(stack.url);
  const app = stack.app();
  const questions = app.get(SessionQuestions, { strict: false });
  const before = rowsOfKratos();
  const [lines, oryLines] = [stack.log.length, stack.oryLog.length];
  expect(await holderOfSession(app.get(KratosClient, { strict: false }), questions, header)).toBe(
    `identity:${holder.identityId}`,
  );
  expect(rowsOfKratos()).toEqual(before);
  const gone = 'ory_kratos_session=gone';
  expect(await holderOfSession(app.get(KratosClient, { strict: false }), questions, gone)).toBeUndefined();
  expect([...stack.log.slice(lines), ...stack.oryLog.slice(oryLines)].join('\n')).not.toContain(
    holder.identityId,
  );
});

it.each([
  ['hasn’t got the setting', undefined],
  ['asks another server', 'http://127.0.0.1:2'],
])('where Kratos %s, guesses count by session and network', async (_how, url) => {
  const holder = await newHolder();
  const odd = await startOddOry(stack, 'kratos', { OAUTH2_PROVIDER_URL: url });
  const [replica] = await startReplicas(stack, 1, odd.env);
  try {
    const app = replica?.app();
    const kratos = app?.get(KratosClient, { strict: false });
    const agent = new UserAgent(stack.url);
    await holder.enter(agent);
    const header = await agent.jar.getCookieString(stack.url);
    const questions = new SessionQuestions({ SECRETS: [new Uint8Array(32)] }, new Clock());
    const before = rowsOfKratos()['selfservice_errors'];
    expect(kratos && (await holderOfSession(kratos, questions, header))).toBeUndefined();
    expect(rowsOfKratos()['selfservice_errors']).toBe(before);
    // Where Kratos has told before, no guess goes by another count.
    const question = questions.begin();
    expect(questions.read(question, questions.answer(question, holder.identityId))).toBe(holder.identityId);
    await expect(kratos && holderOfSession(kratos, questions, header)).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
    const address = newAddress();
    expect(await guesses(holder, Array<string>(4).fill(address), replica?.url)).toEqual([303, 303, 303, 303]);
  } finally {
    await replica?.stop();
    await odd.stop();
  }
});

/** Rows of each of Kratos' tables. */
function rowsOfKratos(): Record<string, number> {
  const sqlite = new Sqlite(join(stack.oryDataDir, 'ory', 'kratos.sqlite'), { readonly: true });
  try {
    const names = sqlite.prepare("select name from sqlite_master where type = 'table'").all();
    return Object.fromEntries(
      names.map((row: unknown) => {
        const table = String(Reflect.get(Object(row), 'name'));
        const found: unknown = sqlite.prepare(`select count(*) as n from "${table}"`).get();
        return [table, Number(Reflect.get(Object(found), 'n'))];
      }),
    );
  } finally {
    sqlite.close();
  }
}
