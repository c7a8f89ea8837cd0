import { beforeAll, describe, expect, it } from 'vitest';
import { AuthError } from './auth.error.js';
import { protectedResource } from './protected.resource.js';
import type { Requirement } from './requirement.js';
import { type TestIssuer, createTestIssuer } from './testing.js';
import { type VerifierOptions, createVerifier } from './verifier.js';

const resource = 'https://notes.example.org/mcp';
const metadata = 'resource_metadata="https://notes.example.org/.well-known/oauth-protected-resource/mcp"';
let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await createTestIssuer({ audience: resource });
});

function make(changes: Partial<VerifierOptions> = {}) {
  const { audience: _, ...options } = issuer.options;
  return createVerifier({ ...options, resource, ...changes });
}

async function challengeOf(token: string, requirement: Requirement): Promise<string | undefined> {
  const error: unknown = await make()
    .verify(token, requirement)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AuthError);
  return error instanceof AuthError ? error.headers['www-authenticate'] : undefined;
}

describe('a verifier of a resource', () => {
  it('takes the tokens of this resource alone', async () => {
    const claims = await make().verify(await issuer.token({ scope: 'notes:read' }), { scope: 'notes:read' });
    expect(claims.aud).toBe(resource);
    for (const aud of [issuer.options.issuer, 'https://notes.example.org', `${resource}/`]) {
      await expect(make().verify(await issuer.token({ aud }), { scope: [] })).rejects.toMatchObject({
        reason: 'token_claim_aud',
      });
    }
  });

  it('tells a refused client where the metadata is, and which scope to ask for', async () => {
    expect(await challengeOf('', { scope: [] })).toBe(`Bearer ${metadata}`);
    expect(await challengeOf('', { scope: ['notes:read', 'notes:write'] })).toBe(
      `Bearer ${metadata}, scope="notes:read notes:write"`,
    );
    expect(await challengeOf('x', { scope: 'notes:read' })).toBe(
      `Bearer error="invalid_token", ${metadata}, scope="notes:read"`,
    );
    expect(await challengeOf(await issuer.token({ scope: 'notes:read' }), { scope: 'notes:write' })).toBe(
      `Bearer error="insufficient_scope", scope="notes:write", ${metadata}`,
    );
  });

  it.each([
    { audience: resource },
    { apiKeys: true },
    { resource: 'notes' },
    { resource: 'https://notes.example.org/?a=b' },
    { resource: { url: '' } },
  ])('is not made with %j', (changes) => {
    expect(() => make(changes)).toThrow(TypeError);
  });
});

describe('the metadata', () => {
  it('is at the path of the resource', () => {
    const options = {
      issuer: 'https://auth.example.org/',
      resource: { url: resource, name: 'Notes', scopes: ['notes:read'] },
    };
    expect(protectedResource(options)).toEqual({
      path: '/.well-known/oauth-protected-resource/mcp',
      metadataUrl: 'https://notes.example.org/.well-known/oauth-protected-resource/mcp',
      document: {
        resource,
        authorization_servers: ['https://auth.example.org'],
        scopes_supported: ['notes:read'],
        bearer_methods_supported: ['header'],
        resource_name: 'Notes',
      },
    });
  });

  it('of a resource without a path is at the root', () => {
    expect(
      protectedResource({ issuer: 'https://auth.example.org', resource: 'https://notes.example.org/' }),
    ).toMatchObject({
      path: '/.well-known/oauth-protected-resource',
      document: { resource: 'https://notes.example.org' },
    });
  });
});
