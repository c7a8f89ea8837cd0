import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Clock } from '../../src/platform/time/clock.service.js';
import { type Gateway, expectProblem, startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';
import { StandIn } from '../support/stand-in.js';

const hydra = new StandIn('');
/** Requests that reached Hydra. */
let asked = 0;
let prepared: PreparedHydra;
let gateway: Gateway;

beforeAll(async () => {
  prepared = await startPreparedHydra();
  gateway = await startGateway({ HYDRA_ADMIN_URL: prepared.url, HYDRA_PUBLIC_URL: await hydra.start() });
});

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([hydra.stop(), prepared?.stop()]);
});

/** From now on, Hydra answers with this. */
function answerWith(
  type: string,
  body: string | Uint8Array,
  more: Readonly<Record<string, string>> = {},
  status = 200,
): void {
  hydra.say((_request, response) => {
    asked += 1;
    response.writeHead(status, { 'content-type': type, ...more }).end(body);
    return true;
  });
}

const policyOf = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): string =>
  String(headers['content-security-policy']);

describe('Hydra’s metadata', () => {
  const path = '/ory/hydra/.well-known/openid-configuration';
  const issuer = 'https://auth.example.test/ory/hydra';
  const scopes = ['openid', 'offline_access', 'profile', 'email', 'roles', 'orgs', 'groups'];
  let now = Date.now();

  beforeEach(() => {
    // What an earlier test had read is forgotten.
    now += 60_000;
    gateway.app.get(Clock, { strict: false }).now = () => now;
  });

  it('keeps what an operator added, and loses what nobody can reach', async () => {
    answerWith(
      'application/json',
      JSON.stringify({
        issuer,
        scopes_supported: ['openid', 'calendar'],
        claims_supported: ['sub', 'shoe_size'],
        registration_endpoint: `${issuer}/oauth2/register`,
        credentials_endpoint_draft_00: `${issuer}/credentials`,
        credentials_supported_draft_00: [{}],
        device_authorization_endpoint: `${issuer}/of/hydra/itself`,
        service_documentation: 'https://docs.example.test',
      }),
    );
    const body = Object((await gateway.request(path)).json());
    expect(body).toMatchObject({ issuer, service_documentation: 'https://docs.example.test' });
    expect(body.scopes_supported).toEqual([...scopes, 'calendar']);
    expect(body.claims_supported).toEqual(expect.arrayContaining(['sub', 'email', 'shoe_size']));
    expect(Object.keys(body).filter((name) => /registration|credential/.test(name))).toEqual([]);
    // The gateway has its own, whatever Hydra has.
    expect(body.device_authorization_endpoint).toMatch(/\/ory\/hydra\/oauth2\/device\/auth$/);
  });

  it.each([
    ['HTML', 'text/html', '<html></html>'],
    ['half a document', 'application/json', `{"issuer":"${issuer}`],
    ['null', 'application/json', 'null'],
    ['a list', 'application/json', '[]'],
    ['no issuer', 'application/json', '{"scopes_supported":[]}'],
    ['nothing', 'application/json', ''],
  ])('that is %s is no metadata', async (_what, type, body) => {
    answerWith(type, body);
    expectProblem(await gateway.request(path), 503, 'provider_unavailable');
  });

  it('with lists that are none has ours', async () => {
    answerWith(
      'application/json',
      JSON.stringify({ issuer, scopes_supported: 'all', claims_supported: [1] }),
    );
    const body = Object((await gateway.request(path)).json());
    expect(body.scopes_supported).toEqual(scopes);
  });

  it('is read too if it comes compressed', async () => {
    answerWith('application/json', gzipSync(JSON.stringify({ issuer })), { 'content-encoding': 'gzip' });
    const answer = await gateway.request(path);
    expect([answer.status, answer.headers['content-encoding']]).toEqual([200, undefined]);
    expect(answer.json()).toMatchObject({ issuer });
  });

  it('is read once a minute, for any number of clients, at either address', async () => {
    answerWith('application/json', JSON.stringify({ issuer }));
    asked = 0;
    const ask = async (): Promise<number[]> =>
      Promise.all(
        [path, '/.well-known/openid-configuration', path].map(
          async (target) => (await gateway.request(target)).status,
        ),
      );
    expect([await ask(), await ask(), asked]).toEqual([[200, 200, 200], [200, 200, 200], 1]);
    now += 60_000;
    expect([await ask(), asked]).toEqual([[200, 200, 200], 2]);
  });

  it('is not what an error of Hydra’s says, and that is not remembered', async () => {
    answerWith('application/json', '{"error":"x"}', {}, 400);
    expectProblem(await gateway.request(path), 503, 'provider_unavailable');
    answerWith('application/json', JSON.stringify({ issuer }));
    const answer = await gateway.request(path);
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'public, max-age=60']);
  });
});

describe('Hydra’s page for form_post', () => {
  const path = '/ory/hydra/oauth2/auth?response_mode=form_post';
  const form = (action: string) =>
    `<html><body onload="x()"><form method="post" action="${action}"><input type="hidden" name="code" value="c"/></form></body></html>`;

  it('becomes ours', async () => {
    answerWith('text/html;charset=UTF-8', form('https://app.example.test/back'));
    const answer = await gateway.request(path);
    expect(answer.status).toBe(200);
    expect(policyOf(answer)).toContain("form-action 'self' https://app.example.test;");
    expect(answer.text).not.toContain('onload');
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
  });

  it.each([
    'https://evil.example.test;script-src *',
    'https://a.example.test,b',
    '/back',
    'javascript:alert(1)',
  ])('with the action %s never widens the policy for scripts', async (action) => {
    answerWith('text/html', form(action));
    const policy = policyOf(await gateway.request(path));
    expect(policy.match(/script-src [^;]*/g)).toEqual(["script-src 'self'"]);
    expect(policy.split(',')).toHaveLength(1);
  });

  it('that is another one is passed on, with the usual policy', async () => {
    answerWith('text/html', '<html><body><script>alert(1)</script></body></html>');
    const answer = await gateway.request(path);
    expect(policyOf(answer)).toContain("script-src 'self'");
    expect(policyOf(answer)).toContain("form-action 'self';");
  });

  it('elsewhere, and with another status, is none', async () => {
    answerWith('text/html', form('https://app.example.test/back'), {}, 400);
    expect(policyOf(await gateway.request(path))).not.toContain('app.example.test');
    answerWith('text/html', form('https://app.example.test/back'));
    expect(policyOf(await gateway.request('/ory/hydra/userinfo'))).not.toContain('app.example.test');
  });
});
