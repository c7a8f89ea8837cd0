import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connectionsOf } from '../../platform/config/connections.parser.js';
import { oidcKind } from './oidc-kind.js';

const connections = connectionsOf([oidcKind]);
const folder = mkdtempSync(join(tmpdir(), 'vestibule-connections-'));
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const provider = {
  id: 'company',
  kind: 'oidc',
  name: 'Example Ltd.',
  issuer: 'https://login.example.org/realms/staff/',
  client_id: 'vestibule',
};

/** What is wrong with entries, as the start shows it. */
function problemsOf(...entries: readonly unknown[]): readonly string[] {
  const result = connections.safeParse(JSON.stringify(entries));
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

describe('connections to an OpenID provider', () => {
  it('have defaults, and an issuer as it is', () => {
    expect(connections.parse(JSON.stringify([provider]))).toEqual([
      {
        kind: 'oidc',
        id: 'company',
        name: 'Example Ltd.',
        domains: [],
        targets: ['https://login.example.org/realms/staff/'],
        issuer: 'https://login.example.org/realms/staff/',
        clientId: 'vestibule',
        clientSecret: undefined,
        scopes: ['openid', 'profile', 'email'],
        trustsEmail: false,
        trustsSecondFactor: false,
        groupsClaim: 'groups',
        allowedGroups: [],
        sessionTtl: undefined,
      },
    ]);
    const entry = {
      ...provider,
      issuer: 'http://127.0.0.1:4444',
      client_secret_file: file('secret', 'of the client\n'),
      domains: ['Example.org'],
      scopes: ['email'],
      offline_access: true,
      trust_email: true,
      trust_second_factor: true,
      session_ttl: '8h',
    };
    expect(connections.parse(JSON.stringify([entry]))).toMatchObject([
      {
        issuer: 'http://127.0.0.1:4444/',
        clientSecret: 'of the client',
        domains: ['example.org'],
        scopes: ['openid', 'email', 'offline_access'],
        trustsEmail: true,
        trustsSecondFactor: true,
        sessionTtl: 28_800,
      },
    ]);
  });

  it.each<[object, string]>([
    ...[
      'http://login.example.org',
      'login.example.org',
      'https://a:b@x.example',
      'https://x.example/?a=b',
      '',
    ].map((issuer): [object, string] => [
      { ...provider, issuer },
      'must have an issuer: an https URL without query, such as https://login.example.org; http only on this machine',
    ]),
    [{ ...provider, client_id: '' }, 'has a client_id that is missing or malformed; see docs/connections.md'],
    [{ ...provider, scopes: ['a b'] }, 'has a scopes that is missing or malformed; see docs/connections.md'],
    [
      { ...provider, session_ttl: '8' },
      'has a session_ttl that is missing or malformed; see docs/connections.md',
    ],
    [{ ...provider, servers: [] }, 'has an unknown setting: servers'],
    [
      { ...provider, client_secret: 'a secret of the directory', client_secret_file: '/x' },
      'must have either client_secret or client_secret_file, or neither',
    ],
    [
      { ...provider, client_secret_file: '/nowhere' },
      'has a client_secret_file that cannot be read, or is empty',
    ],
  ])('%j is refused, and no value is shown', (entry, problem) => {
    const problems = problemsOf(entry);
    expect(problems).toContain(`entry 1 ${problem}`);
    expect(problems.join()).not.toContain('a secret of the directory');
  });
});
