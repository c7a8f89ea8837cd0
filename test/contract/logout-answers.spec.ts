import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DiscoveredProvider, startDiscoveredProvider } from '../support/discovered.provider.js';
import { type Gateway, type GatewayAnswer, providerEnv, startGateway } from '../support/gateway.js';

const html = { accept: 'text/html' };

/** A logout of somebody new, as a script or, with the header, as a page asks for it. */
async function logOut(
  gateway: Gateway,
  headers: Readonly<Record<string, string>> = {},
): Promise<GatewayAnswer> {
  const { cookie } = await gateway.session();
  return gateway.request('/auth/logout', { method: 'POST', headers: { cookie, ...headers } });
}

describe('at a provider that ends sessions itself (RP-Initiated Logout 1.0)', () => {
  let provider: DiscoveredProvider;
  let gateway: Gateway;
  let next: string;

  beforeAll(async () => {
    provider = await startDiscoveredProvider((issuer) => ({ end_session_endpoint: `${issuer}/end` }));
    gateway = await startGateway(provider.env);
    const back = new URLSearchParams({
      client_id: 'client',
      post_logout_redirect_uri: `${gateway.configuration.PUBLIC_URL}/`,
    });
    next = `${provider.issuer}/end?${back}`;
  });

  afterAll(async () => {
    await gateway?.stop();
    await provider?.stop();
  });

  it('a script is told where the browser has to go', async () => {
    expect((await logOut(gateway)).json()).toEqual({ logoutUrl: next });
  });

  it('a page gets one that goes there, and no cookie', async () => {
    const answer = await logOut(gateway, html);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(answer.text).toContain(`content="0;url=${next.replaceAll('&', '&amp;')}"`);
    expect(answer.cookies.join()).toContain('Max-Age=0');
  });

  it('a visitor is at the end of it', async () => {
    const ask = (headers: Readonly<Record<string, string>>): Promise<GatewayAnswer> =>
      gateway.request('/auth/logout', { method: 'POST', headers });
    expect((await ask({})).json()).toEqual({ logoutUrl: null });
    expect(await ask(html)).toMatchObject({ status: 303, headers: { location: '/' } });
  });
});

describe('at a provider that does not', () => {
  let provider: DiscoveredProvider;
  let gateway: Gateway;

  beforeAll(async () => {
    provider = await startDiscoveredProvider();
    gateway = await startGateway(provider.env);
  });

  afterAll(async () => {
    await gateway?.stop();
    await provider?.stop();
  });

  it('the session ends here, and nothing is wrong with that', async () => {
    expect((await logOut(gateway)).json()).toEqual({ logoutUrl: null });
    expect(await logOut(gateway, html)).toMatchObject({ status: 303, headers: { location: '/' } });
    expect(gateway.log.join('')).not.toContain('provider_logout_failed');
  });
});

it('at a provider that is away the session ends here, and the log has why it lives on there', async () => {
  const gateway = await startGateway(providerEnv.oidc);
  try {
    expect((await logOut(gateway)).json()).toEqual({ logoutUrl: null });
    expect(gateway.log.join('')).toContain('"reason":"provider_logout_failed"');
  } finally {
    await gateway.stop();
  }
});
