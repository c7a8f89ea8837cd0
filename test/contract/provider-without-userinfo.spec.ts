import { exportJWK, generateKeyPair } from 'jose';
import type { ClientMetadata } from 'oidc-provider';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fieldOf } from '../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { type OpenIdSide, type OpenIdSideOptions, startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty } from '../support/provider.driver.js';
import { type Page, UserAgent } from '../support/user-agent.js';

describe('a provider without a userinfo_endpoint', () => {
  let site: GatewaySite;
  let party: ContractParty;
  let gateway: RunningGateway;

  beforeAll(async () => {
    site = await newGatewaySite();
    const side = await startOpenIdSide('oidc', site.url, { tellsOnlyByIdToken: true });
    party = new ContractParty(side, site.url);
    gateway = await runGateway(site, { ...side.env, CLAIMS_MAP: 'department=department' });
  });

  afterAll(async () => {
    await gateway?.stop();
    await party?.side.stop();
    await site?.remove();
  });

  it('publishes none', async () => {
    const metadata = await fetch(`${party.side.env['OIDC_ISSUER']}/.well-known/openid-configuration`);
    expect(await metadata.json()).not.toHaveProperty('userinfo_endpoint');
  });

  it('logs people in by what the ID token says of them, mapped claims too', async () => {
    const member = await party.side.enrol();
    const agent = new UserAgent(site.url);
    const page = await party.logIn(agent, member);
    expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
    const session = await agent.fetch('/auth/session');
    const { email, emailVerified, name, picture } = member;
    expect(fieldOf(session, 'user')).toMatchObject({ email, emailVerified, name, picture });
    expect(fieldOf(session, 'claims')).toMatchObject({ department: expect.any(String) });
  });

  it('a session of it is renewed', async () => {
    const agent = new UserAgent(site.url);
    await party.logIn(agent, await party.side.enrol());
    await gateway.restart({ TOKEN_TTL: '1m' });
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('an access token that an application brings is taken for whom it says', async () => {
    const member = await party.side.enrol();
    const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member);
    const agent = new UserAgent(site.url);
    expect((await agent.post('/auth/login', { accessToken })).status).toBe(200);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });
});

describe('a provider that seals its answers', () => {
  let site: GatewaySite;
  let side: OpenIdSide;
  let gateway: RunningGateway;

  afterEach(async () => {
    await gateway?.stop();
    await side?.stop();
    await site?.remove();
  });

  /** Tries to log in with a gateway whose client is registered so. */
  async function logIn(options: OpenIdSideOptions): Promise<{ page: Page; reasons: string[] }> {
    site = await newGatewaySite();
    side = await startOpenIdSide('oidc', site.url, { sealsAnswers: true, ...options });
    gateway = await runGateway(site, side.env);
    const page = await new ContractParty(side, site.url).logIn(new UserAgent(site.url), await side.enrol());
    const reasons = gateway.log.flatMap((line) => /"reason":"(\w+)"/.exec(line)?.[1] ?? []);
    return { page, reasons };
  }

  async function encryptionKey(): Promise<Partial<ClientMetadata>> {
    const { publicKey } = await generateKeyPair('RSA-OAEP-256');
    return { jwks: { keys: [{ ...(await exportJWK(publicKey)), kty: 'RSA', use: 'enc', kid: 'one' }] } };
  }

  it.each([
    ['id_token_encrypted', { id_token_encrypted_response_alg: 'RSA-OAEP-256' }],
    [
      'userinfo_encrypted',
      { userinfo_signed_response_alg: 'RS256', userinfo_encrypted_response_alg: 'RSA-OAEP-256' },
    ],
  ] as const)('by encryption is named in the log and on the page: %s', async (reason, registered) => {
    const { page, reasons } = await logIn({ registration: { ...(await encryptionKey()), ...registered } });
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(page.text).toContain('encrypts, signs or sends');
    expect(reasons).toContain(reason);
  });

  it('by a signature of an algorithm that its metadata does not name, is told so', async () => {
    const { page, reasons } = await logIn({
      registration: { userinfo_signed_response_alg: 'RS256' },
      namesUserInfoAlgorithms: false,
    });
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(page.text).toContain('encrypts, signs or sends');
    expect(reasons).toContain('userinfo_signed');
  });

  it('by a signature of an algorithm that its metadata names, is understood', async () => {
    const { page } = await logIn({ registration: { userinfo_signed_response_alg: 'RS256' } });
    expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
  });

  it('by pages that post themselves alone, is named in the log and on the page', async () => {
    site = await newGatewaySite();
    side = await startOpenIdSide('oidc', site.url, { metadata: { response_modes_supported: ['form_post'] } });
    gateway = await runGateway(site, side.env, false);
    const page = await new ContractParty(side, site.url).ask(new UserAgent(site.url));
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(page.text).toContain('sends its answers in a way');
    expect(gateway.log.join('')).toContain('"reason":"provider_without_query"');
  });

  it('and takes nothing but pushed requests, logs people in', async () => {
    const { page } = await logIn({ takesPushedOnly: true });
    expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
    const metadata = await fetch(`${side.env['OIDC_ISSUER']}/.well-known/openid-configuration`);
    expect(await metadata.json()).toMatchObject({ require_pushed_authorization_requests: true });
  });

  it('on a port that cannot be called, is named in the log and on the page', async () => {
    site = await newGatewaySite();
    side = await startOpenIdSide('oidc', site.url);
    gateway = await runGateway(site, { ...side.env, OIDC_ISSUER: 'http://127.0.0.1:6000' }, false);
    const page = await new ContractParty(side, site.url).ask(new UserAgent(site.url));
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(page.text).toContain('a port that');
    expect(gateway.log.join('')).toContain('"reason":"provider_port_blocked"');
  });
});
