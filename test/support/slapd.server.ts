import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Attribute, Change, Client } from 'ldapts';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type LocalAuthority, makeAuthority } from './local.authority.js';
import { waitUntil } from './stack.js';

/** Where the entries of a {@link SlapdServer} are. */
export const directoryNames = {
  base: 'dc=example,dc=org',
  people: 'ou=people,dc=example,dc=org',
  groups: 'ou=groups,dc=example,dc=org',
  /** What the gateway logs in as. */
  reader: 'cn=reader,dc=example,dc=org',
  readerPassword: 'the password of the reader',
} as const;

const manager = 'cn=manager,dc=example,dc=org';
const managerPassword = 'the password of the manager';
const schemas = ['core', 'cosine', 'inetorgperson', 'nis'];

/** Attributes of an entry. */
export type EntryAttributes = Readonly<Record<string, string | readonly string[]>>;

/** A real OpenLDAP server with people and groups, which may be ended and started again. */
export interface SlapdServer {
  /** `ldaps://` with the name that its certificate has. */
  readonly url: string;
  /** `ldap://`, where StartTLS is required. */
  readonly plainUrl: string;
  /** PEM file of the authority that signed its certificate. */
  readonly authorityPath: string;
  /** Adds an entry. */
  add(dn: string, attributes: EntryAttributes): Promise<void>;
  /** Sets attributes of an entry; an empty list removes one. */
  set(dn: string, attributes: EntryAttributes): Promise<void>;
  remove(dn: string): Promise<void>;
  start(): Promise<void>;
  /** Ends it as a machine that loses its power does. */
  kill(): Promise<void>;
  /** Stops it in its tracks (SIGSTOP), connections and all; `thaw` lets it go on. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Options of {@link startSlapd}. */
export interface SlapdOptions {
  /** Name in the certificate. Default `localhost`, by which it is reached. */
  readonly certifiedName?: string;
  /** The authority that signs the certificate; it isn't removed with the server. */
  readonly authority?: LocalAuthority;
  /** Where searches below another base are referred to. */
  readonly referral?: string;
}

/** Starts a server with its own folder and ports. */
export async function startSlapd({
  certifiedName = 'localhost',
  authority: shared,
  referral,
}: SlapdOptions = {}): Promise<SlapdServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-slapd-'));
  const authority = shared ?? (await makeAuthority());
  const { cert, key } = await authority.issue(certifiedName, 1);
  await mkdir(join(folder, 'data'));
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key, { mode: 0o600 });
  const file = join(folder, 'slapd.conf');
  await writeFile(file, configurationIn(folder, authority.path, referral));
  const [plainPort = 0, port = 0] = await findFreePorts(2);
  const plainUrl = `ldap://localhost:${plainPort}`;
  const url = `ldaps://localhost:${port}`;
  const ca = await readFile(authority.path, 'utf8');
  let child: ChildProcess | undefined;

  const manage = async <T>(act: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({
      url,
      timeout: 10_000,
      tlsOptions: { ca, checkServerIdentity: () => undefined },
    });
    try {
      await client.bind(manager, managerPassword);
      return await act(client);
    } finally {
      await client.unbind();
    }
  };
  const start = async (): Promise<void> => {
    const listeners = `ldap://127.0.0.1:${plainPort} ldaps://127.0.0.1:${port}`;
    child = spawn(inject('slapdPath'), ['-f', file, '-h', listeners, '-d', '0'], { stdio: 'ignore' });
    await waitUntil(async () => {
      try {
        return await manage(async () => true);
      } catch {
        return false;
      }
    }, 'slapd to answer');
  };
  const kill = async (): Promise<void> => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  const add = (dn: string, attributes: EntryAttributes): Promise<void> =>
    manage((client) => client.add(dn, copyOf(attributes)));
  const server: SlapdServer = {
    url,
    plainUrl,
    authorityPath: authority.path,
    add,
    set: (dn, attributes) =>
      manage((client) =>
        client.modify(
          dn,
          Object.entries(attributes).map(
            ([type, values]) =>
              new Change({
                operation: 'replace',
                modification: new Attribute({ type, values: [values].flat() }),
              }),
          ),
        ),
      ),
    remove: (dn) => manage((client) => client.del(dn)),
    start,
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
      if (shared === undefined) {
        await authority.remove();
      }
    },
  };
  await start();
  await add(directoryNames.base, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' });
  for (const [dn, ou] of [
    [directoryNames.people, 'people'],
    [directoryNames.groups, 'groups'],
  ] as const) {
    await add(dn, { objectClass: 'organizationalUnit', ou });
  }
  await add(directoryNames.reader, {
    objectClass: ['organizationalRole', 'simpleSecurityObject'],
    cn: 'reader',
    userPassword: directoryNames.readerPassword,
  });
  return server;
}

function copyOf(attributes: EntryAttributes): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

function configurationIn(folder: string, authorityPath: string, referral: string | undefined): string {
  return [
    ...schemas.map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    'moduleload ppolicy',
    `pidfile ${join(folder, 'pid')}`,
    `TLSCACertificateFile ${authorityPath}`,
    `TLSCertificateFile ${join(folder, 'cert.pem')}`,
    `TLSCertificateKeyFile ${join(folder, 'key.pem')}`,
    ...(referral === undefined ? [] : [`referral ${referral}`]),
    'sizelimit 1000',
    'database mdb',
    'suffix "dc=example,dc=org"',
    `rootdn "${manager}"`,
    `rootpw "${managerPassword}"`,
    `directory ${join(folder, 'data')}`,
    'maxsize 67108864',
    'index objectClass,uid,mail,member,entryUUID eq',
    'overlay ppolicy',
    // No password passes unencrypted, and users read nothing but themselves.
    'security simple_bind=64',
    'access to attrs=userPassword by anonymous auth by * none',
    `access to * by dn.exact="${directoryNames.reader}" read by self read by * none`,
    '',
  ].join('\n');
}
