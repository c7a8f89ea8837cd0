import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, loadConfiguration } from '../../platform/config/configuration.js';
import { resourceOf } from '../../providers/ory/hydra/protected-resource.js';
import { protectedResources } from './protected-resources.feature.js';

const base = {
  AUTH_PROVIDER: 'ory',
  SECRETS: randomBytes(32).toString('base64'),
  PUBLIC_URL: 'https://auth.example.org',
  KRATOS_PUBLIC_URL: 'http://kratos:4433',
  KRATOS_ADMIN_URL: 'http://kratos:4434',
  HYDRA_PUBLIC_URL: 'http://hydra:4444',
  HYDRA_ADMIN_URL: 'http://hydra:4445',
};

function load(entries: unknown) {
  const PROTECTED_RESOURCES = typeof entries === 'string' ? entries : JSON.stringify(entries);
  const { features } = loadConfiguration({ ...base, PROTECTED_RESOURCES }, [protectedResources]);
  return features[0]?.settings?.values;
}

function problemsOf(entries: unknown): readonly string[] {
  try {
    load(entries);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.problems;
    }
    throw error;
  }
}

describe('PROTECTED_RESOURCES', () => {
  it('has a name and the scopes in plain words for each resource', () => {
    const scopes = { 'notes:read': 'Read your notes', 'notes:write': 'Change your notes' };
    expect(
      load([
        { resource: 'https://notes.example.org/mcp', resource_name: 'Notes', scopes },
        { resource: 'https://tasks.example.org/' },
        { resource: 'http://127.0.0.1:8080/mcp' },
      ]),
    ).toEqual({
      PROTECTED_RESOURCES: [
        { resource: 'https://notes.example.org/mcp', name: 'Notes', scopes: new Map(Object.entries(scopes)) },
        { resource: 'https://tasks.example.org', name: 'tasks.example.org', scopes: new Map() },
        { resource: 'http://127.0.0.1:8080/mcp', name: '127.0.0.1:8080/mcp', scopes: new Map() },
      ],
    });
  });

  it.each([
    ['nothing', /JSON list/],
    [{ resource: 'https://notes.example.org' }, /JSON list/],
    [[{ resource: 'https://notes.example.org', scope: 'notes:read' }], /JSON list/],
    [[{ resource: 'notes.example.org' }], /entry 1 must have as its resource/],
    [[{ resource: 'https://user:pass@notes.example.org' }], /entry 1 must have as its resource/],
    [[{ resource: 'https://notes.example.org/?a=b' }], /entry 1 must have as its resource/],
    [[{ resource: 'https://notes.example.org/#' }], /entry 1 must have as its resource/],
    [[{ resource: 'http://notes.example.org' }], /entry 1 must begin with https/],
    [
      [{ resource: 'https://notes.example.org' }, { resource: 'https://NOTES.example.org:443/' }],
      /entry 2 has the resource of an entry before it/,
    ],
    [[{ resource: 'https://n.example.org', scopes: { openid: 'Log in' } }], /entry 1 has a scope/],
    [[{ resource: 'https://n.example.org', scopes: { 'a b': 'Both' } }], /entry 1 has a scope/],
  ])('%j is refused', (entries, message) => {
    expect(problemsOf(entries)).toEqual([expect.stringMatching(message)]);
  });

  it('names audiences, of which no host that users log in for may be one', () => {
    const PROTECTED_RESOURCES = JSON.stringify([{ resource: 'https://n.example.org' }]);
    const { features } = loadConfiguration({ ...base, PROTECTED_RESOURCES }, [protectedResources]);
    expect(features[0]?.settings?.audiences()).toEqual([
      ['PROTECTED_RESOURCES: entry 1', 'https://n.example.org'],
    ]);
  });

  it('names nothing whose tokens would be the gateway’s own', () => {
    expect(problemsOf([{ resource: 'https://auth.example.org' }])).toEqual([
      expect.stringContaining('PROTECTED_RESOURCES: entry 1 is TOKEN_AUDIENCE'),
    ]);
  });
});

describe('resourceOf', () => {
  it.each([
    ['https://a.example', 'https://a.example'],
    ['https://a.example/', 'https://a.example'],
    ['HTTPS://A.example:443/Mcp/', 'https://a.example/Mcp/'],
    ['https://a.example/x/../mcp', 'https://a.example/mcp'],
    ['https://a.example/mcp?a=b', 'https://a.example/mcp?a=b'],
  ])('%s is %s', (text, expected) => expect(resourceOf(text)).toBe(expected));

  it.each([
    '',
    'mcp',
    'urn:a',
    'javascript:alert(1)',
    'https://a.example/#x',
    'https://u@a.example',
    'https://a.example\\@b',
  ])('%s is none', (text) => expect(resourceOf(text)).toBeUndefined());
});
