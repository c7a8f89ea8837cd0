// Holds that each table is written by one part of the source: a rule about rows has one owner, or two of them will differ one day.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Table → folder of src. Reading is free. */
const owners = {
  users: 'directory',
  identities: 'directory',
  address_proofs: 'directory',
  milestones: 'directory',
  audit_events: 'directory',
  forgotten_accounts: 'directory',
  recovery_codes: 'accounts',
  provider_logouts: 'accounts',
  sessions: 'session',
  provider_grants: 'session',
  revocations: 'session',
  signing_keys: 'session',
  api_keys: 'api-keys',
  authorization_codes: 'features/command-line',
  signal_streams: 'features/signals',
  signal_receipts: 'features/signals',
  signal_keys: 'features/signals',
  used_tokens: 'session',
  provider_ends: 'session',
  host_codes: 'features/protected-hosts',
  session_hosts: 'features/protected-hosts',
  application_secrets: 'providers',
  application_uses: 'providers',
  refresh_answers: 'providers',
  application_logins: 'features/applications',
  application_logouts: 'features/applications',
  pushed_requests: 'features/pushed-requests',
  resource_grant_keys: 'features/protected-resources',
  cross_app_grants: 'features/cross-app-access',
  cross_app_targets: 'features/cross-app-access',
  device_logins: 'features/device-login',
  workload_rules: 'features/workload-identity',
  connection_identities: 'features/connections',
  connection_sessions: 'features/connections',
  connection_logins: 'features/connections',
  org_connections: 'features/connections',
  org_connection_domains: 'features/connections',
  oauth_clients: 'providers',
  locks: 'platform',
  orgs: 'orgs',
  org_slugs: 'orgs',
  memberships: 'orgs',
  invites: 'features/invites',
};

const writes = /\.(?:insertInto|updateTable|deleteFrom|mergeInto|replaceInto)\(\s*'([a-z_]+)'/g;
const files = readdirSync('src', { recursive: true }).filter(
  (name) =>
    /\.tsx?$/.test(name) && !/\.spec\.tsx?$/.test(name) && !name.startsWith('platform/database/migrations/'),
);
const found = files.flatMap((name) =>
  [...readFileSync(join('src', name), 'utf8').matchAll(writes)].map(([, table]) => ({ name, table })),
);
const written = new Set(found.map(({ table }) => table));
const problems = [
  ...found
    .filter(({ name, table }) => !name.startsWith(`${owners[table]}/`))
    .map(
      ({ name, table }) => `src/${name} writes ${table}, which belongs to ${owners[table] ?? 'no folder'}`,
    ),
  ...Object.keys(owners)
    .filter((table) => !written.has(table))
    .map((table) => `nothing writes ${table}: take it off the list`),
];
for (const problem of problems) {
  process.stderr.write(`${problem}\n`);
}
process.stdout.write(`tables: ${written.size} tables, ${found.length} writes, ${problems.length} problems\n`);
process.exitCode = problems.length > 0 || found.length === 0 ? 1 : 0;
