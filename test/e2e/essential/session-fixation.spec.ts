import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp } from '../../support/oauth.app.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const sessionSchema = z.looseObject({ session: z.looseObject({ id: z.string() }) });
const victim = newPerson();
let stack: Stack;
/** Cookie of a session of the victim's. */
let live: string;

beforeAll(async () => {
  stack = await startStack();
  const agent = new UserAgent(stack.url);
  await signUp(agent, victim);
  live = (await agent.cookie('vestibule')) ?? '';
});

afterAll(async () => {
  await stack?.stop();
});

async function sessionIdOf(agent: UserAgent): Promise<string> {
  const answer = await agent.fetch('/auth/session');
  expect(answer.status).toBe(200);
  return sessionSchema.parse(answer.json()).session.id;
}

async function statusWith(cookie: string): Promise<number> {
  return (await fetch(`${stack.url}/auth/session`, { headers: { cookie } })).status;
}

/** A browser into which an attacker planted the attacker's own live session. */
async function planted(): Promise<{ agent: UserAgent; cookie: string; sessionId: string }> {
  const attacker = new UserAgent(stack.url);
  await signUp(attacker, newPerson());
  const cookie = `vestibule=${await attacker.cookie('vestibule')}`;
  const agent = new UserAgent(stack.url);
  await agent.jar.setCookie(`${cookie}; Path=/`, stack.url);
  return { agent, cookie, sessionId: await sessionIdOf(attacker) };
}

describe('a session cookie that was planted before the login', () => {
  it('is replaced by a new session of the victim, and the planted session is dead [L16]', async () => {
    const { agent, cookie, sessionId } = await planted();
    await logIn(agent, victim);
    const after = await agent.fetch('/auth/session');
    expect(after.json()).toMatchObject({ user: { email: victim.email } });
    expect(await sessionIdOf(agent)).not.toBe(sessionId);
    expect(await statusWith(cookie)).toBe(401);
  });

  it('is replaced by POST /auth/login too [L16]', async () => {
    const { agent, cookie, sessionId } = await planted();
    const other = new UserAgent(stack.url);
    await logIn(other, victim);
    const { access_token } = await OAuthApp.spa(stack.url).login(other);
    expect((await agent.post('/auth/login', { accessToken: access_token })).status).toBe(200);
    expect(await sessionIdOf(agent)).not.toBe(sessionId);
    expect(await statusWith(cookie)).toBe(401);
  });

  it('that is unreadable, huge or empty does not hinder the login', async () => {
    for (const value of ['', 'x', 'eyJhbGciOiJub25lIn0..', 'a'.repeat(3500)]) {
      const agent = new UserAgent(stack.url);
      await agent.jar.setCookie(`vestibule=${value}; Path=/`, stack.url);
      await logIn(agent, victim);
      expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: victim.email } });
    }
  });
});

it('every login has a session id of its own, and the one before in that browser is dead', async () => {
  const agent = new UserAgent(stack.url);
  await logIn(agent, victim);
  const first = { id: await sessionIdOf(agent), cookie: `vestibule=${await agent.cookie('vestibule')}` };
  await agent.navigate('/auth/login');
  expect(await sessionIdOf(agent)).not.toBe(first.id);
  expect(await statusWith(first.cookie)).toBe(401);
});

it('of two cookies of one name neither is taken, in either order [T17]', async () => {
  const [one, two] = [new UserAgent(stack.url), new UserAgent(stack.url)];
  await logIn(one, victim);
  await signUp(two, newPerson());
  const cookies = [await one.cookie('vestibule'), await two.cookie('vestibule')];
  for (const [first, second] of [
    cookies,
    cookies.toReversed(),
    [cookies[0], cookies[0]],
    [cookies[0], 'x'],
    ['', cookies[0]],
  ]) {
    expect(await statusWith(`vestibule=${first}; vestibule=${second}`)).toBe(401);
  }
  expect(await statusWith(`vestibule=${cookies[0]}`)).toBe(200);
});

it.each([
  '=vestibule=V',
  'Vestibule=V',
  'vestibule =V;vestibule=',
  '\u00A0vestibule=V',
  '__Host-vestibule=V',
  '"vestibule"=V',
])('a cookie written as %j is not the session [T18]', async (form) => {
  expect(await statusWith(form.replace('V', live))).toBe(401);
  expect(await statusWith(`vestibule=${live}`)).toBe(200);
});
