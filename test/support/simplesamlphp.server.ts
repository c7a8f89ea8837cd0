import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { waitUntil } from './stack.js';

const run = promisify(execFile);
const program = '/usr/share/simplesamlphp';
const nameIdFormats = 'urn:oasis:names:tc:SAML:2.0:nameid-format';

/** A user of a {@link SamlServer}. */
export interface SamlUser {
  readonly email: string;
  readonly password: string;
  readonly name: string;
  readonly uid: string;
  readonly groups?: readonly string[];
}

/** Key and certificate, PEM, and the files with them. */
export interface KeyPair {
  readonly key: string;
  readonly certificate: string;
  readonly keyPath: string;
  readonly certificatePath: string;
}

/** A real SimpleSAMLphp as a company's identity provider. */
export interface SamlServer {
  readonly url: string;
  readonly entityId: string;
  /** A file with its metadata. */
  readonly metadataPath: string;
  /** What it wrote so far. */
  readonly log: readonly string[];
  /** Where its users log out at all services. */
  readonly logoutUrl: string;
  add(user: SamlUser): Promise<void>;
  remove(email: string): Promise<void>;
  /** Makes a service known by its metadata, with settings as SimpleSAMLphp has them. */
  trust(metadata: string, settings?: Readonly<Record<string, unknown>>): Promise<void>;
  start(): Promise<void>;
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes an RSA key with a certificate of its own in a folder. */
export async function makeKeyPair(folder: string, name: string, bits = 2048): Promise<KeyPair> {
  const [keyPath, certificatePath] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const files = ['-keyout', keyPath, '-out', certificatePath, '-days', '2', '-subj', `/CN=${name}`];
  await run('openssl', ['req', '-x509', '-newkey', `rsa:${bits}`, '-nodes', ...files]);
  const [key, certificate] = [await readFile(keyPath, 'utf8'), await readFile(certificatePath, 'utf8')];
  return { key, certificate, keyPath, certificatePath };
}

/** Starts a provider with its own folder and port. */
export async function startSamlServer(): Promise<SamlServer> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-'));
  const [port = 0] = await findFreePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const entityId = `${url}/saml2/idp/metadata.php`;
  for (const name of ['cert', 'log', 'data', 'tmp', 'metadata', 'sessions', 'services']) {
    await mkdir(join(folder, name));
  }
  await makeKeyPair(join(folder, 'cert'), 'provider');
  await writeFile(join(folder, 'config.php'), configurationIn(folder, url));
  await writeFile(join(folder, 'authsources.php'), usersIn(folder));
  await writeFile(join(folder, 'metadata', 'saml20-idp-hosted.php'), providerOf(entityId));
  await writeFile(join(folder, 'metadata', 'saml20-sp-remote.php'), servicesIn(folder));
  await writeFile(join(folder, 'users.json'), '{}');
  const users = new Map<string, SamlUser>();
  const log: string[] = [];
  let child: ChildProcess | undefined;

  const save = async (): Promise<void> => {
    const entries = [...users.values()].map(({ email, password, name, uid, groups = [] }) => [
      `${email}:${password}`,
      { uid: [uid], email: [email], displayName: [name], ...(groups.length === 0 ? {} : { groups }) },
    ]);
    await writeFile(join(folder, 'users.json'), JSON.stringify(Object.fromEntries(entries)));
  };
  const start = async (): Promise<void> => {
    const options = ['-d', 'opcache.enable_cli=0', '-d', 'display_errors=0'];
    child = spawn(inject('phpPath'), [...options, '-S', `127.0.0.1:${port}`, '-t', join(program, 'www')], {
      env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: folder, PHP_CLI_SERVER_WORKERS: '4' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Its workers end with it.
      detached: true,
    });
    child.stderr?.on('data', (text: Buffer) => log.push(text.toString('utf8')));
    await waitUntil(async () => {
      try {
        return (await fetch(`${entityId}?output=xml`)).status === 200;
      } catch {
        return false;
      }
    }, 'SimpleSAMLphp to answer');
  };
  const kill = async (): Promise<void> => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid, 'SIGKILL');
      await once(child, 'exit');
    }
  };
  await start();
  const metadataPath = join(folder, 'provider.xml');
  await writeFile(metadataPath, await (await fetch(`${entityId}?output=xml`)).text());
  let services = 0;
  return {
    url,
    entityId,
    metadataPath,
    log,
    logoutUrl: `${url}/saml2/idp/initSLO.php?RelayState=${encodeURIComponent(`${url}/logout.php`)}`,
    add: async (user) => {
      users.set(user.email, user);
      await save();
    },
    remove: async (email) => {
      users.delete(email);
      await save();
    },
    trust: async (metadata, settings = {}) => {
      services += 1;
      await writeFile(join(folder, 'services', `${services}.xml`), metadata);
      await writeFile(join(folder, 'services', `${services}.json`), JSON.stringify(settings));
    },
    start,
    kill,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configurationIn(folder: string, url: string): string {
  return php('config', {
    baseurlpath: `${url}/`,
    certdir: `${folder}/cert/`,
    loggingdir: `${folder}/log/`,
    datadir: `${folder}/data/`,
    tempdir: `${folder}/tmp`,
    metadatadir: `${folder}/metadata/`,
    attributenamemapdir: '/etc/simplesamlphp/attributemap/',
    secretsalt: 'the salt of a test',
    'auth.adminpassword': 'the password of the provider’s administrator',
    technicalcontact_name: 'Test',
    technicalcontact_email: 'test@example.org',
    timezone: 'UTC',
    'logging.handler': 'errorlog',
    'logging.level': 5,
    'enable.saml20-idp': true,
    'enable.http_post': true,
    'module.enable': { exampleauth: true, core: true, saml: true },
    'session.cookie.secure': false,
    'session.cookie.samesite': null,
    'session.phpsession.savepath': `${folder}/sessions`,
    'session.phpsession.httponly': true,
    'language.cookie.secure': false,
    'language.cookie.samesite': null,
    'language.available': ['en'],
    'language.default': 'en',
    'trusted.url.domains': null,
    'store.type': 'phpsession',
    'metadata.sources': [{ type: 'flatfile' }],
    'theme.use': 'default',
    production: true,
  });
}

function providerOf(entityId: string): string {
  const format = `${nameIdFormats}:persistent`;
  return `<?php
$metadata[${quoted(entityId)}] = ${value({
    host: '__DEFAULT__',
    privatekey: 'provider.key',
    certificate: 'provider.pem',
    auth: 'users',
    NameIDFormat: format,
    'saml20.sign.response': true,
    'saml20.sign.assertion': true,
    'signature.algorithm': 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'sign.logout': true,
    'attributes.NameFormat': 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
  })};
$metadata[${quoted(entityId)}]['authproc'] = [3 => ${value({
    class: 'saml:AttributeNameID',
    attribute: 'uid',
    Format: format,
  })}];
`;
}

function usersIn(folder: string): string {
  return `<?php
$config = ['users' => array_merge(['exampleauth:UserPass'], json_decode(file_get_contents(${quoted(`${folder}/users.json`)}), true))];
`;
}

function servicesIn(folder: string): string {
  return `<?php
foreach (glob(${quoted(`${folder}/services/*.xml`)}) as $file) {
    $settings = json_decode(file_get_contents(substr($file, 0, -3) . 'json'), true);
    foreach (\\SimpleSAML\\Metadata\\SAMLParser::parseDescriptorsFile($file) as $id => $entity) {
        $metadata[$id] = array_merge($entity->getMetadata20SP(), $settings);
    }
}
`;
}

function php(name: string, content: Readonly<Record<string, unknown>>): string {
  return `<?php\n$${name} = ${value(content)};\n`;
}

/** A value as PHP writes it. */
function value(given: unknown): string {
  return `json_decode(${quoted(JSON.stringify(given))}, true)`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
