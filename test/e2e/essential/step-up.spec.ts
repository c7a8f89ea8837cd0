import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RequireAal2, RequireAuthAge } from '../../../src/session/guards/step-up.decorators.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { logIn, newPerson, type Person } from '../../support/person.js';
import { enrolTotp, giveTotp } from '../../support/second.factor.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const sessionSchema = z.looseObject({
  session: z.looseObject({ id: z.string() }),
  claims: z.looseObject({ auth_time: z.number(), acr: z.string(), amr: z.array(z.string()) }),
});
const whoamiSchema = z.looseObject({
  authenticated_at: z.string(),
  authenticator_assurance_level: z.string(),
});

@Controller('vault')
@RequireAuthAge(300)
class VaultController {
  @Get()
  open(): string {
    return 'open';
  }

  @Get('inner')
  @RequireAal2()
  openInner(): string {
    return 'open';
  }
}

@Module({ controllers: [VaultController] })
class VaultModule {}

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ modules: [VaultModule] });
});

afterAll(async () => {
  await stack?.stop();
});

/** Somebody new who is logged in. */
async function arrive(): Promise<{ agent: UserAgent; person: Person }> {
  const [agent, person] = [new UserAgent(stack.url), newPerson()];
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  await logIn(agent, person);
  return { agent, person };
}

async function sessionOf(agent: UserAgent): Promise<z.output<typeof sessionSchema>> {
  const answer = await agent.fetch('/auth/session');
  expect(answer.status).toBe(200);
  return sessionSchema.parse(answer.json());
}

async function kratosOf(agent: UserAgent): Promise<z.output<typeof whoamiSchema>> {
  return whoamiSchema.parse((await agent.fetch('/ory/kratos/sessions/whoami')).json());
}

async function expectNobody(agent: UserAgent): Promise<void> {
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

function has(page: Page, name: string): boolean {
  return page.html().querySelector(`[name=${name}]`) !== null;
}

function headingOf(page: Page): string | undefined {
  return page.html().querySelector('h1')?.text;
}

describe('max_age', () => {
  it('0 asks for the password although Kratos and Hydra remember the browser, once, and the session is as new', async () => {
    const { agent, person } = await arrive();
    const before = await sessionOf(agent);
    const authenticatedAt = Date.parse((await kratosOf(agent)).authenticated_at);
    const page = await agent.navigate('/auth/login?max_age=0&return_to=/api/v1/me');
    expect(new URL(page.url).pathname).toBe('/ui/login');
    expect(has(page, 'password')).toBe(true);
    const end = await agent.submit(page, { identifier: person.email, password: person.password });
    expect(end.url).toBe(`${stack.url}/api/v1/me`);
    const kratos = Date.parse((await kratosOf(agent)).authenticated_at);
    expect(kratos).toBeGreaterThan(authenticatedAt);
    const after = await sessionOf(agent);
    expect(after.claims.auth_time).toBe(Math.floor(kratos / 1000));
    expect(after.session.id).not.toBe(before.session.id);
  });

  it('that the login meets asks for nothing, and Hydra remembering the browser (skip) makes no difference', async () => {
    const { agent } = await arrive();
    const before = await sessionOf(agent);
    const end = await agent.navigate('/auth/login?max_age=3600&return_to=/api/v1/me');
    expect(end.url).toBe(`${stack.url}/api/v1/me`);
    expect((await sessionOf(agent)).claims.auth_time).toBe(before.claims.auth_time);
  });

  it.each(['-1', '1e3', '0x0', '31536001', '999999999999', '', 'null', '0&max_age=0'])(
    '%s is not a number of seconds, and ignored',
    async (maxAge) => {
      const page = await new UserAgent(stack.url).request(`/auth/login?max_age=${maxAge}`);
      expect(page.status).toBe(302);
      expect(new URL(page.headers.get('location') ?? '').searchParams.has('max_age')).toBe(false);
    },
  );

  it('a password that is not given leaves the session as it was', async () => {
    const { agent } = await arrive();
    const before = await sessionOf(agent);
    const page = await agent.navigate('/auth/login?max_age=0');
    expect(has(page, 'password')).toBe(true);
    expect((await sessionOf(agent)).session.id).toBe(before.session.id);
  });
});

describe('acr_values=aal2', () => {
  it('asks for the second factor: the session has acr aal2 and amr with otp and mfa', async () => {
    const { agent, person } = await arrive();
    expect((await sessionOf(agent)).claims).toMatchObject({ acr: 'aal1', amr: ['pwd'] });
    const secret = await enrolTotp(agent);
    const elsewhere = new UserAgent(stack.url);
    const page = await logIn(elsewhere, person);
    const end = await giveTotp(elsewhere, page, secret);
    expect(end.url).toBe(`${stack.url}/`);
    expect((await sessionOf(elsewhere)).claims).toMatchObject({
      acr: 'aal2',
      amr: expect.arrayContaining(['pwd', 'otp', 'mfa']),
    });
    // Where the app was set up, it has proven itself: nothing more is asked.
    const same = await agent.navigate('/auth/login?acr_values=aal2&return_to=/api/v1/me');
    expect(same.url).toBe(`${stack.url}/api/v1/me`);
    expect((await sessionOf(agent)).claims).toMatchObject({
      acr: 'aal2',
      amr: expect.arrayContaining(['otp', 'mfa']),
    });
  });

  it('with max_age=0 asks a user with an app for another code, once', async () => {
    const { agent } = await arrive();
    const secret = await enrolTotp(agent);
    const page = await agent.navigate('/auth/login?acr_values=aal2&max_age=0&return_to=/api/v1/me');
    expect([has(page, 'totp_code'), has(page, 'password')]).toEqual([true, false]);
    const end = await giveTotp(agent, page, secret);
    expect(end.url).toBe(`${stack.url}/api/v1/me`);
    const kratos = Date.parse((await kratosOf(agent)).authenticated_at);
    expect((await sessionOf(agent)).claims).toMatchObject({
      acr: 'aal2',
      auth_time: Math.floor(kratos / 1000),
    });
  });

  it('a person without a second factor is led to set one up, and from there on to what needed it', async () => {
    const { agent } = await arrive();
    const page = await agent.navigate('/auth/login?acr_values=aal2&return_to=/api/v1/me');
    expect(page.status).toBe(200);
    expect(headingOf(page)).toBe('A second step is needed');
    const link = page.html().querySelector('main a.button')?.getAttribute('href') ?? '';
    expect(link).toMatch(/^\/ui\/settings\?return_to=/);
    const settings = await agent.navigate(link.replaceAll('&amp;', '&'));
    expect(headingOf(settings)).toBe('Account settings');
    await enrolTotp(agent, settings);
    const { claims } = await sessionOf(agent);
    expect(claims).toMatchObject({ acr: 'aal2', amr: expect.arrayContaining(['otp', 'mfa']) });
  });

  it('a user without any session and second factor still gets to the settings', async () => {
    const { person } = await arrive();
    const agent = new UserAgent(stack.url);
    const form = await agent.navigate('/auth/login?acr_values=aal2');
    const page = await agent.submit(form, { identifier: person.email, password: person.password });
    expect(headingOf(page)).toBe('A second step is needed');
    await expectNobody(agent);
    const link = page.html().querySelector('main a.button')?.getAttribute('href') ?? '';
    const settings = await agent.navigate(link.replaceAll('&amp;', '&'));
    expect(headingOf(settings)).toBe('Account settings');
    await enrolTotp(agent, settings);
    expect((await sessionOf(agent)).claims.acr).toBe('aal2');
  });

  it.each(['aal1', 'aal3', 'AAL2', 'aal2 aal1', '', 'aal2&acr_values=aal2'])(
    '%s for acr_values is ignored',
    async (value) => {
      const page = await new UserAgent(stack.url).request(`/auth/login?acr_values=${value}`);
      expect(page.status).toBe(302);
      expect(new URL(page.headers.get('location') ?? '').searchParams.has('acr_values')).toBe(false);
    },
  );
});

describe('a person with an authenticator app', () => {
  it('has no session after the password alone, however often they come back, nor after a wrong code [L17]', async () => {
    const { agent: first, person } = await arrive();
    const secret = await enrolTotp(first);
    const agent = new UserAgent(stack.url);
    const asked = await logIn(agent, person);
    expect([headingOf(asked), has(asked, 'totp_code')]).toEqual(["Confirm it's you", true]);
    await expectNobody(agent);
    const again = await agent.navigate('/auth/login?return_to=/api/v1/me');
    expect(has(again, 'totp_code')).toBe(true);
    await expectNobody(agent);
    const signup = await agent.navigate('/auth/signup');
    expect(has(signup, 'totp_code')).toBe(true);
    const wrong = await agent.submit(again, { totp_code: '000000' });
    expect(has(wrong, 'totp_code')).toBe(true);
    expect(wrong.html().querySelector('.field-message.error, .notice.error')).not.toBeNull();
    await expectNobody(agent);
    expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(403);
    const end = await giveTotp(agent, wrong, secret);
    expect(end.url).toBe(`${stack.url}/api/v1/me`);
    expect((await sessionOf(agent)).claims.acr).toBe('aal2');
  });

  it('stays logged in here while a new login at Kratos waits for the code', async () => {
    const { agent, person } = await arrive();
    await enrolTotp(agent);
    const before = await sessionOf(agent);
    await agent.jar.setCookie('ory_kratos_session=; Max-Age=0; Path=/', stack.url);
    const form = await agent.navigate('/ory/kratos/self-service/login/browser');
    await agent.submit(form, { identifier: person.email, password: person.password });
    expect(has(await agent.navigate('/auth/login'), 'totp_code')).toBe(true);
    expect((await sessionOf(agent)).session.id).toBe(before.session.id);
  });
});

describe('a page that needs a step-up', () => {
  it('is reached through it, with its query, and stays open without a redirect loop', async () => {
    const { agent, person } = await arrive();
    expect((await agent.navigate('/vault')).status).toBe(200);
    const secret = await enrolTotp(agent);
    const elsewhere = new UserAgent(stack.url);
    const form = await elsewhere.navigate('/vault/inner?door=2');
    const second = await elsewhere.submit(form, { identifier: person.email, password: person.password });
    expect(has(second, 'totp_code')).toBe(true);
    const end = await giveTotp(elsewhere, second, secret);
    expect([end.status, end.url]).toEqual([200, `${stack.url}/vault/inner?door=2`]);
    expect((await elsewhere.navigate('/vault/inner')).status).toBe(200);
  });

  it('asks a session of before the app was set up, and takes the app that was proven meanwhile', async () => {
    const { agent } = await arrive();
    const asked = await agent.navigate('/vault/inner');
    expect(headingOf(asked)).toBe('A second step is needed');
    const answer = await agent.fetch('/vault/inner');
    expect(answer.json()).toMatchObject({
      code: 'reauthentication_required',
      loginUrl: '/auth/login?max_age=300&acr_values=aal2',
    });
    await enrolTotp(agent);
    expect((await agent.fetch('/vault/inner')).status).toBe(401);
    const end = await agent.navigate('/vault/inner');
    expect([end.status, end.url]).toEqual([200, `${stack.url}/vault/inner`]);
  });
});

describe('prompt=login of an authorization request', () => {
  it('forces a new login, once', async () => {
    const { agent, person } = await arrive();
    const start = new URL((await agent.request('/auth/login')).headers.get('location') ?? '');
    start.searchParams.set('prompt', 'login');
    const page = await agent.navigate(start.href);
    expect(has(page, 'password')).toBe(true);
    const end = await agent.submit(page, { identifier: person.email, password: person.password });
    expect(end.url).toBe(`${stack.url}/`);
  });
});
