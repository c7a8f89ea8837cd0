import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mailbox } from '../../support/mailbox.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { enrolTotp, giveTotp } from '../../support/second.factor.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

let stack: Stack;
let mailbox: Mailbox;

beforeAll(async () => {
  stack = await startStack();
  mailbox = new Mailbox(stack);
});

afterAll(async () => {
  await stack?.stop();
});

const browser = (): UserAgent => new UserAgent(stack.url);

/** The path of a mailed link. */
async function linkFor({ email }: Person): Promise<string> {
  const { link = '' } = await mailbox.next(email, /verify/i);
  return link.slice(stack.url.length);
}

/** Signs up and verifies the address by the mailed link. */
async function signUpVerified(agent: UserAgent, person: Person): Promise<void> {
  await signUp(agent, person);
  const shown = await agent.navigate(await linkFor(person));
  await agent.submit(shown, { code: codeIn(shown) });
  await agent.navigate('/auth/login');
}

/** Recovers the account with this address, from the page that asks for the address on. @returns the page at the end. */
async function recover(agent: UserAgent, { email }: Pick<Person, 'email'>): Promise<Page> {
  const asked = await agent.submit(await agent.navigate('/ui/recovery'), { email });
  const { code } = await mailbox.next(email, /recover/i);
  return agent.submit(asked, { code }, { name: 'method', value: 'code' });
}

/** Sets the password that the page after a recovery asks for, and logs in. */
async function choosePassword(agent: UserAgent, page: Page, password: string): Promise<void> {
  await agent.submit(page, { password }, { name: 'method', value: 'password' });
  await agent.navigate('/auth/login');
}

async function makeKey(agent: UserAgent): Promise<Page> {
  const body = JSON.stringify({ name: 'robot', scope: 'api' });
  return agent.fetch('/api/v1/api-keys', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
}

async function withKey(key: string): Promise<number> {
  const answer = await fetch(`${stack.url}/api/v1/me`, { headers: { 'x-api-key': key } });
  return answer.status;
}

async function stateOf(agent: UserAgent): Promise<unknown> {
  return (await agent.fetch('/api/v1/me')).json();
}

/** Changes the address in the settings, right after a login. */
async function changeAddress(agent: UserAgent, email: string): Promise<void> {
  const settings = await agent.navigate('/ui/settings');
  await agent.submit(settings, { 'traits.email': email }, { name: 'method', value: 'profile' });
}

describe('an account whose address is not verified', () => {
  it('gets no API key [A03]', async () => {
    const agent = browser();
    await signUp(agent, newPerson());
    const refused = await makeKey(agent);
    expect(refused.status).toBe(403);
    expect(refused.json()).toMatchObject({ code: 'email_unverified' });
  });

  it.each([
    { totp_code: '123456', method: 'totp' },
    { method: 'profile', TOTP_CODE: '123456' },
    { method: 'lookup_secret', lookup_secret_regenerate: 'true' },
    { method: 'passkey', passkey_settings_register: '{}' },
    { method: 'profile', 'pa\u017fskey_settings_register': '{}' },
    { method: 'webauthn', webauthn_register: '{}' },
  ])('gets no second factor and no passkey: %j [A03]', async (fields) => {
    const agent = browser();
    await signUp(agent, newPerson());
    const flow = new URL((await agent.navigate('/ui/settings')).url).searchParams.get('flow');
    for (const [type, body] of [
      ['application/x-www-form-urlencoded', new URLSearchParams(fields)],
      ['application/json', JSON.stringify({ ...fields, lookup_secret_regenerate: true })],
    ] as const) {
      const refused = await agent.fetch(`/ory/kratos/self-service/settings?flow=${flow}`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
      expect(refused.json()).toMatchObject({ code: 'email_unverified', status: 403 });
    }
  });

  it('sees that in the settings, which offer none', async () => {
    const agent = browser();
    await signUp(agent, newPerson());
    const settings = await agent.navigate('/ui/settings');
    const names = settings
      .html()
      .querySelectorAll('[name]')
      .map((field) => field.getAttribute('name'));
    expect(names).toContain('traits.email');
    expect(names).not.toContain('totp_code');
    expect(names).not.toContain('lookup_secret_regenerate');
    expect(settings.text).toContain('/ui/verification');
  });

  it('has them all once it is verified, in the session in which it was', async () => {
    const agent = browser();
    const person = newPerson();
    await signUp(agent, person);
    const other = browser();
    await logIn(other, person);
    const shown = await agent.navigate(await linkFor(person));
    await agent.submit(shown, { code: codeIn(shown) });

    // The session goes on, and says so without another login; the one in another browser is over.
    expect(await stateOf(agent)).toMatchObject({ email: person.email, emailVerified: true });
    expect((await other.fetch('/api/v1/me')).status).toBe(401);
    expect((await makeKey(agent)).status).toBe(201);
    await enrolTotp(agent);
    expect((await agent.navigate('/ui/settings')).text).toContain('totp_unlink');
  });
});

describe('a mailed link', () => {
  it('asks for a login in another browser, and goes on after it [A02]', async () => {
    const person = newPerson();
    await signUp(browser(), person);
    const elsewhere = browser();
    const login = await elsewhere.navigate(await linkFor(person));
    expect([login.status, new URL(login.url).pathname]).toEqual([200, '/ui/login']);
    const shown = await elsewhere.submit(login, { identifier: person.email, password: person.password });
    expect(new URL(shown.url).pathname).toBe('/ui/verification');
    await elsewhere.submit(shown, { code: codeIn(shown) });
    expect(await stateOf(elsewhere)).toMatchObject({ email: person.email, emailVerified: true });
  });

  it('verifies nothing in the session of another account, nor does its code [A02]', async () => {
    const [squatter, owner] = [newPerson(), newPerson()];
    const outsider = browser();
    await signUp(outsider, squatter);
    const victim = browser();
    await signUpVerified(victim, owner);
    const link = await linkFor(squatter);
    const refused = await victim.navigate(link);
    expect([refused.status, refused.text.includes('account_mismatch')]).toEqual([403, true]);

    // Anyone who knows the flow may have its page opened, and ask for the code: by the form alone it isn't taken.
    const query = new URL(link, stack.url).searchParams;
    const flow = query.get('flow') ?? '';
    const { identityId } = await new OryAdmin(stack.env).sessionOf(victim);
    await victim.navigate(
      `/ory/kratos/self-service/verification?${new URLSearchParams({ flow, code: '000000', identity: identityId })}`,
    );
    for (const agent of [victim, browser()]) {
      const answer = await agent.fetch(`/ory/kratos/self-service/verification?flow=${flow}`, {
        method: 'POST',
        body: JSON.stringify({ method: 'code', Code: query.get('code'), code: query.get('code') }),
        headers: { 'content-type': 'application/json' },
      });
      expect([401, 403]).toContain(answer.status);
    }
    expect(await stateOf(outsider)).toMatchObject({ email: squatter.email, emailVerified: false });
  });

  it('is not asked for by another account', async () => {
    const [squatter, owner] = [newPerson(), newPerson()];
    await signUp(browser(), squatter);
    const victim = browser();
    // The page of a verified account has no form for it.
    await signUp(victim, owner);
    const asked = await victim.navigate('/ui/verification');
    const refused = await victim.submit(asked, { email: squatter.email });
    expect([refused.status, refused.text.includes('account_mismatch')]).toEqual([403, true]);
  });
});

describe('an address that an outsider has taken', () => {
  it('is recovered by its owner without the second factor, and nothing of the outsider stays [A01]', async () => {
    const [squatter, owner] = [newPerson(), newPerson()];
    const outsider = browser();
    await signUpVerified(outsider, squatter);
    const key = Reflect.get(Object((await makeKey(outsider)).json()), 'key');
    expect(await withKey(key)).toBe(200);
    const secret = await enrolTotp(outsider);
    await changeAddress(outsider, owner.email);

    const victim = browser();
    const settings = await recover(victim, owner);
    expect([settings.status, new URL(settings.url).pathname]).toEqual([200, '/ui/settings']);
    expect(await withKey(key)).toBe(401);
    expect((await outsider.fetch('/api/v1/me')).status).toBe(401);
    // The outsider's password is gone before the owner has chosen one.
    const again = await logIn(browser(), { ...squatter, email: owner.email });
    expect(new URL(again.url).pathname).toBe('/ui/login');

    await choosePassword(victim, settings, owner.password);
    expect(await stateOf(victim)).toMatchObject({ email: owner.email, emailVerified: true });
    const fresh = browser();
    await logIn(fresh, owner);
    expect(await stateOf(fresh)).toMatchObject({ email: owner.email });
    expect(secret).not.toBe('');
  });

  it('is recovered when it was never verified [A01]', async () => {
    const squatter = newPerson();
    const outsider = browser();
    await signUp(outsider, squatter);
    const victim = browser();
    const settings = await recover(victim, squatter);
    expect((await outsider.fetch('/api/v1/me')).status).toBe(401);
    const again = await logIn(browser(), squatter);
    expect(new URL(again.url).pathname).toBe('/ui/login');
    await choosePassword(victim, settings, `${squatter.password} of the owner`);
    expect(await stateOf(victim)).toMatchObject({ email: squatter.email, emailVerified: true });
  });
});

it('the recovery of a verified account keeps its second factor and its keys, and ends its sessions [A04]', async () => {
  const person = newPerson();
  const agent = browser();
  await signUpVerified(agent, person);
  const key = Reflect.get(Object((await makeKey(agent)).json()), 'key');
  const secret = await enrolTotp(agent);
  const elsewhere = browser();
  const asked = await recover(elsewhere, person);
  expect((await agent.fetch('/api/v1/me')).status).toBe(401);
  expect(await withKey(key)).toBe(200);
  expect((await elsewhere.fetch('/api/v1/me')).status).toBe(401);
  const settings = await giveTotp(elsewhere, asked, secret);
  expect(new URL(settings.url).pathname).toBe('/ui/settings');
});

function codeIn(page: Page): string {
  return page.html().querySelector('[name=code]')?.getAttribute('value') ?? '';
}
