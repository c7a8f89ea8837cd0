import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connectionsOf } from '../../platform/config/connections.parser.js';
import { ldapKind } from './ldap-kind.js';

const connections = connectionsOf([ldapKind]);
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

/** What is wrong with entries, as the start shows it. */
function problemsOf(...entries: readonly unknown[]): readonly string[] {
  const result = connections.safeParse(JSON.stringify(entries));
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

describe('connections to an LDAP directory', () => {
  it('have defaults by the software of the directory', () => {
    expect(connections.parse(JSON.stringify([least]))).toMatchObject([
      {
        domains: [],
        isActiveDirectory: false,
        servers: ['ldaps://dc1.example.org'],
        targets: ['ldaps://dc1.example.org'],
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
        isActiveDirectory: true,
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

  it.each<[object, string]>([
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
      { ...least, ca_file: fileURLToPath(new URL('ldap-kind.ts', import.meta.url)) },
      'has a ca_file without a certificate in PEM',
    ],
  ])('%j is refused, and no value is shown', (entry, problem) => {
    const problems = problemsOf(entry);
    expect(problems).toContain(`entry 1 ${problem}`);
    expect(problems.join()).not.toContain('a secret of the directory');
  });
});
