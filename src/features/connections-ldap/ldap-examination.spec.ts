import { once } from 'node:events';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ldapEntry, ldapMessage, ldapResult, readLdapRequest } from '../../../test/support/ldap.messages.js';
import { type LocalAuthority, makeAuthority } from '../../../test/support/local.authority.js';
import { ldapConnection } from '../../../test/support/source.driver.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ldapSchema, ldapSettingsOf } from './ldap-connection.parser.js';
import { LdapDirectory } from './ldap-directory.js';

const servers: Server[] = [];
let authority: LocalAuthority;

beforeAll(async () => {
  authority = await makeAuthority();
});

afterAll(async () => {
  for (const server of servers) {
    server.close();
  }
  await authority?.remove();
});

/** A server and its open connections. */
interface Peer {
  readonly url: string;
  readonly open: Set<Socket>;
}

async function listen(server: Server): Promise<Peer> {
  const open = new Set<Socket>();
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `ldaps://localhost:${port}`, open };
}

/** A directory that answers each message after some time: a search with one entry that no other search had. */
async function startDirectory({
  delay = 0,
  isSilent = () => false,
}: {
  readonly delay?: number;
  /** Whether the search with this number is never answered. */
  readonly isSilent?: (search: number) => boolean;
}): Promise<Peer> {
  const { cert, key } = await authority.issue('localhost', 1);
  let searches = 0;
  const answerTo = (message: Buffer): Buffer | undefined => {
    const { id, operation } = readLdapRequest(message);
    if (operation === 0x60) {
      return ldapMessage(id, ldapResult(0x61));
    }
    if (operation !== 0x63) {
      return undefined;
    }
    searches += 1;
    const cn = `entry-${searches}`;
    const entry = ldapEntry(id, `cn=${cn},dc=example`, { cn, mail: 'ada@example.org', entryUUID: cn });
    return isSilent(searches) ? undefined : Buffer.concat([entry, ldapMessage(id, ldapResult(0x65))]);
  };
  const server = createTlsServer({ cert, key }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (message: Buffer) => {
      const answer = answerTo(message);
      void sleep(delay).then(() => answer !== undefined && socket.writable && socket.write(answer));
    });
  });
  return listen(server);
}

/** The steps of each server. */
async function testOf(peers: readonly Peer[], timeout: string): Promise<readonly string[]> {
  const settings = ldapConnection(
    { url: '', authorityPath: authority.path },
    { servers: peers.map(({ url }) => url), group_base_dn: 'dc=example', timeout },
  );
  const problems: string[] = [];
  const parsed = ldapSettingsOf(ldapSchema.parse(settings), (problem) => problems.push(problem));
  expect(problems).toEqual([]);
  const steps = await new LdapDirectory(parsed, new Clock()).test('ada@example.org');
  const starts = steps.flatMap(({ step }, index) => (step === 'reach' ? [index] : []));
  return starts.map((start, server) =>
    steps
      .slice(start, starts[server + 1])
      .map(({ step, fault }) => (fault === null ? step : `${step}: ${fault}`))
      .join(', '),
  );
}

it('a directory that answers passes every step', async () => {
  expect(await testOf([await startDirectory({})], '3s')).toEqual(['reach, bind, base, user']);
});

it('servers that are too slow have one limit over all steps, after which they are left', async () => {
  const peers = [
    await listen(createPlainServer((socket) => void socket.resume())),
    await startDirectory({ isSilent: () => true }),
    await startDirectory({ isSilent: (search) => search > 2 }),
    // Each answer comes in time: together, those about groups of groups take three times as long as the limit.
    await startDirectory({ delay: 700 }),
  ];
  expect(await testOf(peers, '1s')).toEqual([
    'reach: unreachable',
    'reach, bind, base: timed_out',
    'reach, bind, base, user: timed_out',
    'reach, bind, base, user: timed_out',
  ]);
  await expect.poll(() => peers.map(({ open }) => open.size)).toEqual([0, 0, 0, 0]);
});

it('a connection that is lost is no missing entry', async () => {
  let searches = 0;
  const peer = await startDirectory({
    isSilent: (search) => {
      searches = search;
      return true;
    },
  });
  const outcome = testOf([peer], '3s');
  await expect.poll(() => searches).toBe(1);
  for (const socket of peer.open) {
    socket.destroy();
  }
  expect(await outcome).toEqual(['reach, bind, base: failed']);
});
