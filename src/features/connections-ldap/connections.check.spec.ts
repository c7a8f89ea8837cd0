import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { directoryNames, type SlapdServer, startSlapd } from '../../../test/support/slapd.server.js';
import { addPerson } from '../../../test/support/source.driver.js';
import { loadConfiguration } from '../../platform/config/configuration.js';
import { english } from '../../platform/i18n/locales/en.js';
import { tryConnections } from '../connections/connections.check.js';
import { ownFeatures } from '../../app/features.js';

/** An address at which nothing listens. */
const closedUrl = 'http://127.0.0.1:9';
let slapd: SlapdServer;

beforeAll(async () => {
  slapd = await startSlapd();
  await addPerson(slapd);
});

afterAll(() => slapd?.stop());

async function codesWith(changes: object): Promise<readonly string[]> {
  const connection = {
    id: 'staff',
    kind: 'ldap',
    name: 'Example Ltd.',
    servers: [slapd.url],
    ca_file: slapd.authorityPath,
    bind_dn: directoryNames.reader,
    bind_password: directoryNames.readerPassword,
    base_dn: directoryNames.people,
    ...changes,
  };
  const configuration = loadConfiguration(
    {
      PUBLIC_URL: 'http://localhost:3000',
      SECRETS: randomBytes(32).toString('hex'),
      DATABASE_URL: 'file::memory:',
      KRATOS_PUBLIC_URL: closedUrl,
      KRATOS_ADMIN_URL: closedUrl,
      HYDRA_PUBLIC_URL: closedUrl,
      HYDRA_ADMIN_URL: closedUrl,
      CONNECTIONS: JSON.stringify([connection]),
    },
    ownFeatures,
  );
  return (await tryConnections(configuration)).map(({ code, detail }) => `${code}: ${detail}`);
}

const dead = 'ldaps://localhost:9';

it('a directory of which one server works is a warning; without any, an error, once for all of them', async () => {
  expect(await codesWith({})).toEqual([]);
  expect(await codesWith({ servers: [dead, slapd.url] })).toEqual([
    `connection_server_fails: staff, ${dead}: ${english['connection.fault.unreachable']}`,
  ]);
  expect(await codesWith({ servers: [dead, 'ldaps://localhost:19'] })).toEqual([
    `connection_fails: staff, ${dead}, ldaps://localhost:19: ${english['connection.fault.unreachable']}`,
  ]);
});

it('a filter that can’t be used is named at the start, so that the check sees every connection', async () => {
  await expect(codesWith({ user_filter: '((' })).rejects.toThrow(
    "CONNECTIONS: entry 1 has a user_filter that isn't a valid LDAP filter (RFC 4515)",
  );
});
