import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, loadConfiguration, settingsIn } from '../../platform/config/configuration.js';
import { defineFeature } from '../../platform/features/feature.js';
import { newSecret, providerEnv } from '../../testing.js';
import { protectedHosts } from './protected-hosts.feature.js';
import { protectedHostSettings } from './protected-hosts.settings.js';
import { ProtectedHosts } from './protected-hosts.js';

const base = { SECRETS: newSecret(), ...providerEnv.ory, PUBLIC_URL: 'https://auth.example.org' };

const rulesOf = (text: string) =>
  protectedHostSettings.variables.parse({ PROTECTED_HOSTS: text }).PROTECTED_HOSTS;

function problemsOf(text: string, env = {}): readonly string[] {
  try {
    loadConfiguration({ ...base, PROTECTED_HOSTS: text, ...env }, [protectedHosts]);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.problems;
    }
    throw error;
  }
}

it('is a list of hosts and patterns, separated by commas or line ends, each with its requirements', () => {
  expect(
    rulesOf(
      'app.example.com, Wiki.Example.NET?role=admin&verified=true\r\n\n*.apps.example.com?org=acme&org_role=owner,10.0.0.7:8443?scope=a:b+c&acr=aal2,',
    ),
  ).toEqual([
    { pattern: 'app.example.com', requirement: {} },
    { pattern: 'wiki.example.net', requirement: { role: 'admin', verified: 'true' } },
    { pattern: '*.apps.example.com', requirement: { org: 'acme', org_role: 'owner' } },
    { pattern: '10.0.0.7:8443', requirement: { scope: 'a:b c', acr: 'aal2' } },
  ]);
  expect(rulesOf('')).toEqual([]);
});

it('may be in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-hosts-'));
  try {
    const file = join(folder, 'hosts');
    writeFileSync(file, 'app.example.com\nwiki.example.net?role=admin\n');
    const values = settingsIn({ PROTECTED_HOSTS_FILE: file }, [protectedHosts]);
    const { PROTECTED_HOSTS } = protectedHostSettings.variables.parse(values);
    expect(PROTECTED_HOSTS.map(({ pattern }) => pattern)).toEqual(['app.example.com', 'wiki.example.net']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it.each([
  'https://b.example.com',
  'b.example.com/',
  'b.example.com/path',
  'user@b.example.com',
  'b.example.com.',
  '.b.example.com',
  'b..example.com',
  '-b.example.com',
  'b_c.example.com',
  'bücher.example.com',
  'b.example.com:0',
  'b.example.com:65536',
  'b.example.com:x',
  '[::1]:8000',
  '*',
  '*.',
  '*.com',
  '*.localhost',
  '**.example.com',
  '*.*.example.com',
  'a.*.example.com',
  'a*.example.com',
  '*.1.2.3.4',
  '1234567',
  '0x7f000001',
  '127.1',
  `${'a'.repeat(64)}.example.com`,
  `${'a.'.repeat(130)}com`,
  'b.example.com?rol=admin',
  'b.example.com?role=boss',
  'b.example.com?role=admin&role=admin',
  'b.example.com?verified=false',
  'b.example.com?acr=aal1',
  'b.example.com?redirect=true',
  'b.example.com?cookies=application',
  'b.example.com?scope=',
  'b.example.com?role=admin#x',
  'app.example.com',
  'APP.example.com?role=admin',
  'app.example.com:8443',
  'b.example.com, b.example.com',
])('%j as the second entry is refused at the start, by its number and without its value', (entry) => {
  const problems = problemsOf(`app.example.com\n${entry}`);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^PROTECTED_HOSTS: entry [23] /);
  expect(problems[0]?.split(' must be a host name')[0]).not.toContain(entry);
});

it.each([
  ['role.ports.example.com?role=admin\n*.ports.example.com:8443'],
  ['*.ports.example.com:8443\nrole.ports.example.com?role=admin'],
  ['role.ports.example.com:8443?role=admin\n*.ports.example.com'],
  ['role.ports.example.com:8443?role=admin\n*.ports.example.com:8444'],
  ['*.deep.ports.example.com?role=admin\n*.ports.example.com:8443'],
  ['*.ports.example.com:8443\n*.very.deep.ports.example.com?role=admin'],
])('a pattern that covers another entry at another port would drop its requirements there: %j', (text) => {
  expect(problemsOf(text)).toEqual([
    'PROTECTED_HOSTS: entry 2 and an entry before it are for the same hosts at different ports, where the requirements of one would not hold',
  ]);
});

it.each([
  ['role.ports.example.com:8443?role=admin\n*.ports.example.com:8443'],
  ['ports.example.com?role=admin\n*.ports.example.com:8443'],
  ['xports.example.com?role=admin\n*.ports.example.com:8443'],
  ['*.other.example.com?role=admin\n*.ports.example.com:8443'],
])('a pattern with a port stands beside entries of that port, and of other hosts: %j', (text) => {
  expect(problemsOf(text)).toEqual([]);
});

it.each([
  ['auth.example.org', {}, 'PROTECTED_HOSTS: entry 1 names the host of PUBLIC_URL'],
  ['AUTH.example.org:8443', {}, 'PROTECTED_HOSTS: entry 1 names the host of PUBLIC_URL'],
  [
    'a.example.com,app.example.com:443',
    {},
    'PROTECTED_HOSTS: entry 2 must not have the port :443, which browsers leave out',
  ],
  [
    'app.example.com',
    { TOKEN_AUDIENCE: 'https://app.example.com' },
    'TOKEN_AUDIENCE: must not be the origin of a host in PROTECTED_HOSTS',
  ],
  [
    '*.example.com',
    { TOKEN_AUDIENCE: 'https://api.example.com' },
    'TOKEN_AUDIENCE: must not be the origin of a host in PROTECTED_HOSTS',
  ],
  [
    'app.localhost:3000,app.example.com',
    { PUBLIC_URL: 'http://localhost:3000' },
    'PROTECTED_HOSTS: entry 2 must be a loopback name while PUBLIC_URL is plain http',
  ],
])('%s with %j contradicts the gateway’s own origin, or an audience', (text, env, problem) => {
  expect(problemsOf(text, env)).toEqual([problem]);
});

it('are no audiences that another feature names, which needn’t be URLs', () => {
  const audiences = ['https://app.example.net', 'https://app.example.net/api', 'tasks'].map(
    (audience) => [`NOTES: ${audience}`, audience] as const,
  );
  const notes = defineFeature({ name: 'notes', audiences: () => audiences, module: async () => class {} });
  const load = (): unknown =>
    loadConfiguration({ ...base, PROTECTED_HOSTS: 'app.example.net' }, [protectedHosts, notes]);
  expect(load).toThrow('NOTES: https://app.example.net is the origin of a host in PROTECTED_HOSTS');
  expect(load).not.toThrow('app.example.net/api');
});

it('of names on this machine may be plain http, as PUBLIC_URL', () => {
  const [text, PUBLIC_URL] = ['app.localhost:8000,*.apps.localhost:8000', 'http://auth.localhost:8000'];
  expect(problemsOf(text, { PUBLIC_URL })).toEqual([]);
  const hosts = new ProtectedHosts(PUBLIC_URL, rulesOf(text));
  expect(hosts.find('app.localhost:8000')?.origin).toBe('http://app.localhost:8000');
  expect(hosts.find('x.apps.localhost:8000')?.origin).toBe('http://x.apps.localhost:8000');
  expect(hosts.find('app.localhost')).toBeUndefined();
  expect(hosts.find('app.localhost:08000')).toBeUndefined();
});

describe('a host is found', () => {
  const hosts = new ProtectedHosts(
    base.PUBLIC_URL,
    rulesOf('*.example.org?role=admin,app.example.org,*.a.example.org?org=acme,*.apps.example.com'),
  );

  it.each([
    ['app.example.org', {}],
    ['x.example.org', { role: 'admin' }],
    ['a.example.org', { role: 'admin' }],
    ['x.a.example.org', { org: 'acme' }],
    ['y.x.a.example.org', { org: 'acme' }],
    ['APP.Example.ORG', {}],
  ])('by its own name first, and then by the longest pattern: %s', (host, requirement) => {
    const name = host.toLowerCase();
    expect(hosts.find(host)).toMatchObject({ host: name, origin: `https://${name}` });
    expect(hosts.find(host)?.requirement).toEqual(requirement);
  });

  it.each([
    'auth.example.org',
    'AUTH.example.org',
    'auth.example.org:8443',
    'example.org',
    'evilapps.example.com',
    'apps.example.com',
    'a.apps.example.com.evil.net',
    'a.apps.example.com.',
    'a.apps.example.com:1',
    'a@x.apps.example.com',
    'a/x.apps.example.com',
    '.apps.example.com',
    '*.apps.example.com',
    '',
  ])('and %j is none', (host) => {
    expect(hosts.find(host)).toBeUndefined();
  });
});
