import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { type LocalAuthority, makeAuthority } from '../../support/local.authority.js';
import { type RedisServer, startRedis } from '../../support/redis.server.js';
import { type TlsServers, startTlsServers } from '../../support/tls.servers.js';

const program = fileURLToPath(new URL('../../support/outgoing.calls.mjs', import.meta.url));
const outcomesSchema = z.array(z.record(z.string(), z.enum(['answered', 'refused'])));
const clients = [
  'proxy to Kratos',
  'proxy to Hydra',
  "Kratos' public API",
  "Kratos' admin API",
  "Kratos' readiness",
  "Hydra's admin API",
  "Hydra's readiness",
  "Hydra's token endpoint",
  "Hydra's JWKS",
  "an OpenID provider's discovery",
  "Auth0's token endpoint",
  'the doctor',
  'SMTP',
  'PostgreSQL',
  'Redis',
  'news by Redis',
];

/** What is presented, by whom it is trusted, and what comes of it. */
const certificates = [
  ['is refused by an authority that is not trusted', 'localhost', 60, false, 'refused'],
  ['is refused for another host', 'elsewhere.example.test', 60, true, 'refused'],
  [
    "is refused for our own origin's host instead of the upstream's",
    'auth.example.test',
    60,
    true,
    'refused',
  ],
  ['is refused after its end', 'localhost', 0, true, 'refused'],
  ['is accepted of a private authority in NODE_EXTRA_CA_CERTS', 'localhost', 60, true, 'answered'],
] as const;

let authority: LocalAuthority;
let redis: RedisServer;
const servers: TlsServers[] = [];
/** In the order of the certificates. */
let outcomes: readonly unknown[];

beforeAll(async () => {
  authority = await makeAuthority();
  redis = await startRedis(inject('redisServerPath'));
  const plain = { redisUrl: redis.url, databaseUrl: inject('postgresUrl') };
  for (const [, host, days] of certificates) {
    servers.push(await startTlsServers(await authority.issue(host, days), plain));
  }
  const [unknown = [], known = []] = [false, true].map((isTrusted) =>
    servers.filter((_, index) => certificates[index]?.[3] === isTrusted),
  );
  outcomes = [
    ...(await callAll(unknown, {})),
    ...(await callAll(known, { NODE_EXTRA_CA_CERTS: authority.path })),
  ];
});

afterAll(async () => {
  await Promise.all(servers.map((one) => one.stop()));
  await redis?.remove();
  await authority?.remove();
});

/** What each client does with each of these servers, as a program that trusts these authorities too. */
async function callAll(
  called: readonly TlsServers[],
  trusted: Readonly<Record<string, string>>,
): Promise<readonly unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-outgoing-'));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      env: {
        PATH: process.env['PATH'] ?? '',
        DATA_DIR: folder,
        SERVERS: JSON.stringify(called),
        ...trusted,
      },
    });
    return outcomesSchema.parse(JSON.parse(stdout));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('every connection that the gateway makes with TLS [W18]', () => {
  it.each(certificates.map(([what, , , , outcome], index) => [what, outcome, index] as const))(
    'a certificate %s',
    (_what, outcome, index) => {
      expect(outcomes[index]).toEqual(Object.fromEntries(clients.map((name) => [name, outcome])));
      expect((servers[index]?.heard() ?? 0) > 0).toBe(outcome === 'answered');
    },
  );
});
