import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connections } from './connections.parser.js';

const folder = mkdtempSync(join(tmpdir(), 'vestibule-connections-'));
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const least = {
  id: 'staff',
  kind: 'ldap',
  name: 'Example Ltd.',
  servers: ['ldaps://dc1.example.org/'],
  bind_dn: 'cn=reader',
  bind_password: 'a secret of the directory',
  base_dn: 'dc=example',
};

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

describe('connections', () => {
  it('have defaults by the software of the directory', () => {
    expect(connections.parse(JSON.stringify([least]))).toMatchObject([
      {
        domains: [],
        servers: ['ldaps://dc1.example.org'],
        authorities: undefined,
        userFilter: '(objectClass=person)',
        loginAttributes: ['mail', 'uid'],
        subjectAttribute: 'entryUUID',
        nameAttribute: 'cn',
        groupBaseDn: undefined,
        timeout: 3000,
      },
    ]);
    const windows = { ...least, directory: 'active-directory', allowed_groups: ['cn=a'], timeout: '1m' };
    expect(connections.parse(JSON.stringify([windows]))).toMatchObject([
      {
        subjectAttribute: 'objectGUID',
        nameAttribute: 'displayName',
        groupBaseDn: 'dc=example',
        timeout: 60_000,
      },
    ]);
  });

  it('name files for the password and the authorities', () => {
    const { bind_password: _password, ...rest } = least;
    const certificate = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----';
    const entry = {
      ...rest,
      bind_password_file: file('password', 'from a file\n'),
      ca_file: file('ca', certificate),
      domains: [' Bücher.Example '],
    };
    expect(connections.parse(JSON.stringify([entry]))).toMatchObject([
      { bindPassword: 'from a file', authorities: certificate, domains: ['xn--bcher-kva.example'] },
    ]);
  });

  it.each<[object | string, string]>([
    ['text', 'must have a kind: ldap, oidc or saml'],
    [{ ...least, kind: 'cas' }, 'must have a kind: ldap, oidc or saml'],
    [{ ...least, id: 'Staff' }, 'has an id that is missing or malformed; see docs/connections.md'],
    [{ ...least, base_dn: undefined }, 'has a base_dn that is missing or malformed; see docs/connections.md'],
    [{ ...least, timeout: '2h' }, 'has a timeout that is missing or malformed; see docs/connections.md'],
    [{ ...least, url: 'x' }, 'has an unknown setting: url'],
    ...['http://a.example', 'ldaps://', 'ldaps://u:p@a.example', 'ldaps://a.example/dc=x', 'a.example'].map(
      (server): [object, string] => [
        { ...least, servers: [server] },
        'must have servers: a list of URLs such as ldaps://dc1.example.org, with ldap:// for StartTLS, and without a path',
      ],
    ),
    ...['((', 'no filter', '(cn=a)(cn=b)', '(&)', String.raw`(cn=\zz)`].map((filter): [object, string] => [
      { ...least, user_filter: filter },
      "has a user_filter that isn't a valid LDAP filter (RFC 4515)",
    ]),
    [{ ...least, domains: ['example'] }, 'must have domains that are domain names, such as example.org'],
    [
      { ...least, domains: ['a@example.org'] },
      'must have domains that are domain names, such as example.org',
    ],
    [{ ...least, bind_password: undefined }, 'must have either bind_password or bind_password_file'],
    [{ ...least, bind_password_file: '/x' }, 'must have either bind_password or bind_password_file'],
    [{ ...least, ca_file: '/nowhere' }, 'has a ca_file that cannot be read, or is empty'],
    [
      { ...least, ca_file: fileURLToPath(new URL('json.parser.ts', import.meta.url)) },
      'has a ca_file without a certificate in PEM',
    ],
  ])('%j is refused, and no value is shown', (entry, problem) => {
    const problems = problemsOf(entry);
    expect(problems).toContain(`entry 1 ${problem}`);
    expect(problems.join()).not.toContain('a secret of the directory');
  });

  it('to an OpenID provider have defaults, and an issuer as it is', () => {
    expect(connections.parse(JSON.stringify([provider]))).toEqual([
      {
        kind: 'oidc',
        id: 'company',
        name: 'Example Ltd.',
        domains: [],
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
  ])('%j to an OpenID provider is refused, and no value is shown', (entry, problem) => {
    const problems = problemsOf(entry);
    expect(problems).toContain(`entry 1 ${problem}`);
    expect(problems.join()).not.toContain('a secret of the directory');
  });

  it('have ids and domains of their own', () => {
    const one = { ...least, domains: ['example.org'] };
    expect(problemsOf(one, { ...least, domains: ['EXAMPLE.org'] })).toEqual([
      'entry 2 has the id of an entry before it',
      'entry 2 has a domain of an entry before it',
    ]);
  });

  it.each(['', 'x', '{}', '"x"'])('%j is no list', (text) => {
    const result = connections.safeParse(text);
    expect(result.error?.issues.map(({ message }) => message)).toEqual([
      'must be a JSON list of connections',
    ]);
  });
});
