import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { travel } from '../support/travel.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent, type Page } from '../support/user-agent.js';

/** A browser that notes every answer. */
class NotingAgent extends UserAgent {
  readonly answers: Page[] = [];

  override async request(...visit: Parameters<UserAgent['request']>): Promise<Page> {
    const page = await super.request(...visit);
    this.answers.push(page);
    return page;
  }
}

const httpsOrigin = 'https://auth.example.test';
const deployments = [
  { scheme: 'http', publicUrl: undefined, name: 'vestibule' },
  { scheme: 'https', publicUrl: httpsOrigin, name: '__Host-vestibule' },
] as const;

describe.each(deployments)('cookies of a deployment on $scheme', ({ scheme, publicUrl, name }) => {
  let stack: Stack;
  let agent: NotingAgent;

  beforeAll(async () => {
    stack = await startStack(publicUrl === undefined ? {} : { publicUrl });
    agent = new NotingAgent(publicUrl ?? stack.url, stack.url);
    const page = await signUp(agent, newPerson());
    expect(page.url).toBe(`${publicUrl ?? stack.url}/`);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    await agent.post('/auth/logout', {});
    // And each answer of a login whose redirects the browser follows itself.
    await travel(agent, `${publicUrl ?? stack.url}/auth/login`, () => false);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  function setCookies(): string[] {
    return agent.answers.flatMap(({ headers }) => headers.getSetCookie());
  }

  it('ours are HttpOnly, SameSite=Lax, for the whole path and this host alone [T19]', () => {
    const ours = setCookies().filter((header) => header.includes('vestibule'));
    const names = new Set(ours.map((header) => header.replace(/[.=].*/s, '')));
    expect([...names].sort()).toEqual([name, `${name}-challenge`, `${name}-login`].sort());
    for (const header of ours) {
      const attributes = header
        .split('; ')
        .slice(1)
        .map((part) => part.replace(/^Max-Age=\d+$/, 'Max-Age'));
      const expected = [
        'HttpOnly',
        'Max-Age',
        'Path=/',
        'SameSite=Lax',
        ...(scheme === 'https' ? ['Secure'] : []),
      ];
      expect(attributes.sort()).toEqual(expected);
    }
  });

  it("Kratos' and Hydra's are HttpOnly and SameSite=Lax, and Secure where ours are", () => {
    const theirs = setCookies().filter((header) => !header.includes('vestibule'));
    expect(theirs.length).toBeGreaterThan(0);
    for (const header of theirs) {
      expect(header).toMatch(/; ?HttpOnly/i);
      expect(header).toMatch(/; ?SameSite=Lax/i);
      expect(/; ?Secure/i.test(header)).toBe(scheme === 'https');
    }
  });

  it('every answer that sets one is no-store [T21]', () => {
    const setting = agent.answers.filter(({ headers }) => headers.getSetCookie().length > 0);
    expect(setting.length).toBeGreaterThan(4);
    expect(setting.map(({ headers }) => headers.get('cache-control'))).toEqual(setting.map(() => 'no-store'));
  });

  it('the session cookie is smaller than 4,096 bytes and reveals nothing', () => {
    const header = setCookies().find((value) => value.startsWith(`${name}=`) && !/=;/.test(value)) ?? '';
    expect(header.length).toBeGreaterThan(100);
    expect(header.length).toBeLessThan(4096);
    const value = header.split(';')[0]?.slice(name.length + 1) ?? '';
    expect(value).toMatch(/^[\w-]{8}\.[\w-]+$/);
    const held = Buffer.from(value.slice(9), 'base64url').toString('latin1');
    expect(held).not.toMatch(/"(?:iss|sub|email)"/);
  });

  it('Strict-Transport-Security is sent on https alone', async () => {
    const host = new URL(publicUrl ?? stack.url).host;
    const answer = await rawRequest(stack.url, { path: '/', headers: { host } });
    expect(answer.status).toBe(200);
    expect(answer.headers.has('strict-transport-security')).toBe(scheme === 'https');
  });
});
