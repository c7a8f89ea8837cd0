import { expect, it, vi } from 'vitest';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { OpenIdProvider } from './openid.provider.js';

/** As Microsoft answers for its tenants together; the library makes an exception for this host. */
const metadata = {
  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  authorization_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
  token_endpoint: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
  jwks_uri: 'https://login.microsoftonline.com/common/discovery/v2.0/keys',
};

it.each(['common', 'organizations'])('is not set up with the issuer of all tenants (%s)', async (name) => {
  const calls = UpstreamCalls.unobserved();
  vi.spyOn(calls, 'fetch').mockReturnValue(() => Promise.resolve(Response.json(metadata)));
  const provider = new OpenIdProvider(
    {
      issuer: `https://login.microsoftonline.com/${name}/v2.0`,
      clientId: 'vestibule',
      clientSecret: 'secret',
      allowedClientIds: [],
      audience: 'vestibule',
    },
    new CircuitBreaker('provider'),
    calls,
  );
  await expect(provider.metadata()).rejects.toMatchObject({
    code: 'provider_misconfigured',
    reason: 'provider_issuer_mismatch',
  });
});

it('on a port that fetch does not call is no provider that is away', async () => {
  const provider = new OpenIdProvider({
    issuer: 'http://127.0.0.1:6000',
    clientId: 'vestibule',
    clientSecret: 'secret',
    allowedClientIds: [],
    audience: 'vestibule',
  });
  await expect(provider.metadata()).rejects.toMatchObject({
    code: 'provider_misconfigured',
    reason: 'provider_port_blocked',
  });
});
