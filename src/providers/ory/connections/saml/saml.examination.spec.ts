import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeKeyPair } from '../../../../../test/support/simplesamlphp.server.js';
import { unavailable } from '../../../../platform/upstream/vendor.call.js';
import { testSaml } from './saml.examination.js';

const entityId = 'https://idp.example.org';
const url = 'https://idp.example.org/metadata';
const now = Date.parse('2026-11-29T12:00:00Z');
let folder: string;
let certificate: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-test-'));
  const { certificatePath } = await makeKeyPair(folder, 'provider');
  certificate = (await readFile(certificatePath, 'utf8')).replaceAll(/-----.*-----|\s/g, '');
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

it.each<[string, () => string, string | null]>([
  ['is as it should be', () => metadataOf('validUntil="2026-12-01T00:00:00Z"'), null],
  ['states no end', () => metadataOf(), null],
  ['has expired', () => metadataOf('validUntil="2026-11-28T00:00:00Z"'), 'metadata_expired'],
  [
    'is in a list that has expired',
    () => metadataOf('validUntil="2026-12-28T00:00:00Z"', 'validUntil="2026-11-28T00:00:00Z"'),
    'metadata_expired',
  ],
  [
    'is of another provider',
    () => metadataOf().replaceAll(entityId, 'https://other.example.org'),
    'issuer_mismatch',
  ],
  ['has no key', () => metadataOf().replaceAll('KeyDescriptor', 'Other'), 'metadata_incomplete'],
  ['is a web page', () => '<!doctype html><title>Log in</title>', 'not_a_provider'],
])('metadata that %s', async (_what, text, fault) => {
  const steps = await testSaml({ url, entityId }, async () => text(), now);
  expect(steps.map((step) => [step.step, step.fault])).toEqual([
    ['reach', null],
    ['discovery', fault],
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

it('metadata in whose place there is an error', async () => {
  const steps = await testSaml(
    { url, entityId },
    async () => {
      throw unavailable('saml_metadata_status_404');
    },
    now,
  );
  expect(steps.map(({ fault }) => fault)).toEqual(['not_a_provider']);
});
