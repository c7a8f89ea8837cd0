import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, expectProblem, startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';
import { StandIn } from '../support/stand-in.js';

const hydra = new StandIn('');
/** `Accept-Encoding` of the last request that reached Hydra. */
let encoding: string | undefined;
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
  hydra.say((request, response) => {
    encoding = request.headers['accept-encoding'];
    response.writeHead(status, { 'content-type': type, ...more }).end(body);
    return true;
  });
}

const policyOf = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): string =>
  String(headers['content-security-policy']);

describe('Hydra’s metadata', () => {
  const path = '/ory/hydra/.well-known/openid-configuration';
  const issuer = 'https://auth.example.test/ory/hydra';

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
        device_authorization_endpoint: `${issuer}/oauth2/device/auth`,
        service_documentation: 'https://docs.example.test',
      }),
    );
    const body = Object((await gateway.request(path)).json());
    expect(body).toMatchObject({ issuer, service_documentation: 'https://docs.example.test' });
    expect(body.scopes_supported).toEqual(['openid', 'offline_access', 'profile', 'email', 'calendar']);
    expect(body.claims_supported).toEqual(expect.arrayContaining(['sub', 'email', 'shoe_size']));
    expect(Object.keys(body).filter((name) => /registration|credential|device/.test(name))).toEqual([]);
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
    expect(body.scopes_supported).toEqual(['openid', 'offline_access', 'profile', 'email']);
  });

  it('is asked for uncompressed; an answer that is compressed all the same is passed on', async () => {
    answerWith('application/json', gzipSync(JSON.stringify({ issuer })), { 'content-encoding': 'gzip' });
    const answer = await gateway.request(path, { headers: { 'accept-encoding': 'gzip' } });
    expect([answer.status, answer.headers['content-encoding'], encoding]).toEqual([200, 'gzip', undefined]);
  });

  it('and an error of Hydra’s stays one', async () => {
    answerWith('application/json', '{"error":"x"}', {}, 400);
    expect((await gateway.request(path)).status).toBe(400);
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
