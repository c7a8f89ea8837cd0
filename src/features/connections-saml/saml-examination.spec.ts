import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeKeyPair } from '../../../test/support/simplesamlphp.server.js';
import { Clock } from '../../platform/time/clock.service.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';
import { testSaml } from './saml-examination.js';
import { SamlProvider } from './saml.provider.js';

const entityId = 'https://idp.example.org';
const url = 'https://idp.example.org/metadata';
const now = Date.parse('2026-11-29T12:00:00Z');
let folder: string;
let certificate: string;
let shortCertificate: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-test-'));
  const certificateOf = async (name: string, bits?: number): Promise<string> => {
    const { certificatePath } = await makeKeyPair(folder, name, bits);
    return (await readFile(certificatePath, 'utf8')).replaceAll(/-----.*-----|\s/g, '');
  };
  certificate = await certificateOf('provider');
  shortCertificate = await certificateOf('short', 1024);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const metadataOf = (attributes = '', around = ''): string => {
  const entity =
    `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}" ${attributes}>` +
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">' +
    '<md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>' +
    `<ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
    '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.org/sso"/>' +
    '</md:IDPSSODescriptor></md:EntityDescriptor>';
  return around === ''
    ? entity
    : `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ${around}>${entity}</md:EntitiesDescriptor>`;
};

const other = 'https://other.example.org';
/** Metadata of several providers. */
const listOf = (...ids: readonly string[]): string =>
  `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${ids
    .map((id) => metadataOf().replaceAll(entityId, id))
    .join('')}</md:EntitiesDescriptor>`;

it.each<[string, () => string, string | null, string?]>([
  ['is as it should be', () => metadataOf('validUntil="2026-12-01T00:00:00Z"'), null],
  ['states no end', () => metadataOf(), null],
  ['has expired', () => metadataOf('validUntil="2026-11-28T00:00:00Z"'), 'metadata_expired'],
  [
    'is in a list that has expired',
    () => metadataOf('validUntil="2026-12-28T00:00:00Z"', 'validUntil="2026-11-28T00:00:00Z"'),
    'metadata_expired',
  ],
  ['is of another provider', () => metadataOf().replaceAll(entityId, other), 'entity_mismatch', other],
  ['is of others', () => listOf(other, `${other}/2`), 'entity_mismatch', `${other}, ${other}/2`],
  ['names it twice', () => listOf(entityId, entityId), 'entity_mismatch', `${entityId}, ${entityId}`],
  [
    'is of many others',
    () => listOf(...Array.from({ length: 50 }, () => other)),
    'entity_mismatch',
    Array.from({ length: 50 }, () => other)
      .join(', ')
      .slice(0, 200),
  ],
  [
    'has a name that would change the order of what is read',
    () => metadataOf().replaceAll(entityId, `${other}/\u202Egro`),
    'entity_mismatch',
    `${other}/\uFFFDgro`,
  ],
  ['has no key', () => metadataOf().replaceAll('KeyDescriptor', 'Other'), 'no_certificate'],
  [
    'has a key that is too short',
    () => metadataOf().replaceAll(certificate, shortCertificate),
    'no_certificate',
  ],
  ['has no address', () => metadataOf().replaceAll('SingleSignOnService', 'Other'), 'metadata_incomplete'],
  [
    'has an address without TLS',
    () => metadataOf().replace('Location="https:', 'Location="http:'),
    'metadata_incomplete',
  ],
  ['is of a service', () => metadataOf().replaceAll('IDPSSODescriptor', 'SPSSODescriptor'), 'no_metadata'],
  ['is another document', () => '<rss version="2.0"/>', 'no_metadata'],
  ['is a web page', () => '<!doctype html><title>Log in</title>', 'no_metadata'],
])('metadata that %s', async (_what, text, fault, found) => {
  const steps = await testSaml({ url, entityId }, async () => text(), now);
  expect(steps).toEqual([
    { step: 'reach', target: 'idp.example.org', fault: null },
    { step: 'discovery', target: url, fault, found },
  ]);
});

it('metadata that can’t be read', async () => {
  const steps = await testSaml(
    { url, entityId },
    async () => {
      throw new Error('connection refused');
    },
    now,
  );
  expect(steps).toEqual([{ step: 'reach', target: 'idp.example.org', fault: 'unreachable' }]);
});

it('metadata on a port that fetch does not call', async () => {
  const [step] = await testSaml(
    { url, entityId },
    async () => (await fetch('http://127.0.0.1:6000')).text(),
    now,
  );
  expect(step).toEqual({ step: 'reach', target: 'idp.example.org', fault: 'port_blocked' });
});

it('metadata in whose place there is an error', async () => {
  const steps = await testSaml(
    { url, entityId },
    async () => {
      throw unavailable('saml_metadata_status_404');
    },
    now,
  );
  expect(steps.map(({ fault }) => fault)).toEqual(['no_metadata']);
});

it('metadata in whose place there is a redirect', async () => {
  const server = createServer((_request, reply) => reply.writeHead(302, { location: '/login' }).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const source = { url: `http://127.0.0.1:${port}/metadata`, entityId };
    const provider = new SamlProvider({ id: 'staff', source }, new Clock());
    const steps = await testSaml(source, async (from) => provider.read(from), now);
    expect(steps.map(({ step, fault }) => `${step}: ${fault}`)).toEqual(['reach: no_metadata']);
  } finally {
    server.close();
  }
});
