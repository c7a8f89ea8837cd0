import { allowInsecureRequests, discovery } from 'openid-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Stack, startStack } from '../support/stack.js';

const keySetSchema = z.object({ keys: z.array(z.object({ kid: z.string(), alg: z.literal('RS256') })) });

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

const insecure = { execute: [allowInsecureRequests] };

it('a client that is given the issuer of ID tokens discovers the login provider', async () => {
  const issuer = `${stack.url}/ory/hydra`;
  const metadata = (await discovery(new URL(issuer), 'any', undefined, undefined, insecure)).serverMetadata();
  expect(metadata).toMatchObject({
    issuer,
    authorization_endpoint: `${issuer}/oauth2/auth`,
    token_endpoint: `${issuer}/oauth2/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
  });
  const published = await keyIdsAt(metadata.jwks_uri ?? '');
  const admin = `${stack.env['HYDRA_ADMIN_URL']}/admin/keys`;
  const sets = await Promise.all(
    ['hydra.openid.id-token', 'hydra.jwt.access-token'].map((set) => keyIdsAt(`${admin}/${set}`)),
  );
  expect(sets.map((ids) => ids.length > 0)).toEqual([true, true]);
  expect(published).toEqual(sets.flat().sort());
});

it('a client that is given a discovery URL finds the same at the origin, from pages of other origins too', async () => {
  const [atOrigin, atIssuer] = await Promise.all(
    ['', '/ory/hydra'].map(async (path) => fetch(`${stack.url}${path}/.well-known/openid-configuration`)),
  );
  expect(atOrigin?.status).toBe(200);
  expect(atOrigin?.headers.get('access-control-allow-origin')).toBe('*');
  expect(await atOrigin?.json()).toEqual(await atIssuer?.json());
});

async function keyIdsAt(url: string): Promise<string[]> {
  const { keys } = keySetSchema.parse(await (await fetch(url)).json());
  return keys.map(({ kid }) => kid).sort();
}
