import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connectionsOf } from '../../platform/config/connections.parser.js';
import { samlKind } from './saml-kind.js';

const connections = connectionsOf([samlKind]);

const folder = mkdtempSync(join(tmpdir(), 'vestibule-saml-settings-'));
const at = (name: string): string => join(folder, name);
const write = (name: string, content: string): string => {
  writeFileSync(at(name), content);
  return at(name);
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a key with a certificate. @returns the certificate's text in metadata. */
function makeKey(name: string, kind: readonly string[]): string {
  const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
  const options = ['-nodes', '-days', '2', '-subj', '/CN=test', ...files];
  execFileSync('openssl', ['req', '-x509', ...kind, ...options], { stdio: 'ignore' });
  return readFileSync(at(`${name}.pem`), 'utf8').replaceAll(/-----[^-]+-----|\s/g, '');
}

const first = makeKey('first', ['-newkey', 'rsa:2048']);
const second = makeKey('second', ['-newkey', 'rsa:2048']);
const weak = makeKey('weak', ['-newkey', 'rsa:1024']);
const curve = makeKey('curve', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']);

const redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const entityId = 'https://idp.example.org';

function metadataOf(
  certificates: readonly string[],
  { id = entityId, sso = 'https://idp.example.org/sso', binding = redirect, more = '' } = {},
): string {
  const keys = certificates.map(
    (text) =>
      `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>\n${text}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
  );
  return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${id}"><md:IDPSSODescriptor>${keys.join('')}${more}<md:SingleSignOnService Binding="${binding}" Location="${sso}"/></md:IDPSSODescriptor></md:EntityDescriptor>`;
}

const file = write('metadata.xml', `<?xml version="1.0"?>\n${metadataOf([first, second])}`);
const least = { id: 'company', kind: 'saml', name: 'Example Ltd.', metadata_file: file };
const byHand = {
  id: 'company',
  kind: 'saml',
  name: 'Example Ltd.',
  entity_id: entityId,
  sso_url: 'https://idp.example.org/sso',
  idp_certificate_files: [at('first.pem')],
};

/** What is wrong with entries, as the start shows it. */
function problemsOf(...entries: readonly unknown[]): readonly string[] {
  const result = connections.safeParse(JSON.stringify(entries));
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

describe('a connection to a SAML provider', () => {
  it('needs its metadata alone, and is strict about the rest', () => {
    const [settings] = connections.parse(JSON.stringify([{ ...least, domains: ['Example.ORG'] }]));
    expect(settings).toMatchObject({
      domains: ['example.org'],
      source: { entityId, ssoUrl: 'https://idp.example.org/sso', logoutUrl: undefined },
      // Only browsers go there.
      targets: [],
      ownKey: undefined,
      nameIdFormat: undefined,
      subjectAttribute: undefined,
      trustsEmail: false,
      secondFactorClasses: [],
      allowsUnsolicited: false,
      sessionTtl: 43_200,
      clockSkew: 60_000,
    });
    expect(settings).toHaveProperty('source.certificates.length', 2);
  });

  it('takes the provider by URL or by hand', () => {
    const url = { ...least, metadata_file: undefined, metadata_url: 'https://idp.example.org/metadata' };
    expect(connections.parse(JSON.stringify([{ ...url, entity_id: entityId }]))).toMatchObject([
      {
        source: { url: 'https://idp.example.org/metadata', entityId },
        targets: ['https://idp.example.org/metadata'],
      },
    ]);
    expect(problemsOf(url)).toEqual(['entry 1 must have the entity_id of the provider']);
    const logout = { logout_url: 'https://idp.example.org/slo' };
    expect(connections.parse(JSON.stringify([{ ...byHand, ...logout }]))).toMatchObject([
      { source: { entityId, ssoUrl: byHand.sso_url, logoutUrl: logout.logout_url } },
    ]);
  });

  it('takes a key with its certificate, and nothing else', () => {
    const pair = { key_file: at('first.key'), certificate_file: at('first.pem') };
    expect(connections.parse(JSON.stringify([{ ...least, ...pair }]))).toMatchObject([
      { ownKey: { key: expect.stringContaining('PRIVATE KEY') } },
    ]);
    const wrong = 'entry 1 must have an RSA key in PEM, and its certificate';
    for (const given of [
      { ...pair, certificate_file: at('second.pem') },
      { key_file: at('curve.key'), certificate_file: at('curve.pem') },
      { key_file: at('first.pem'), certificate_file: at('first.key') },
    ]) {
      expect(problemsOf({ ...least, ...given })).toEqual([wrong]);
    }
    expect(problemsOf({ ...least, key_file: at('first.key') })).toEqual([
      'entry 1 must have both a key and its certificate, as text or by file, or neither',
    ]);
  });

  it('picks one provider of many', () => {
    const other = metadataOf([second], { id: 'https://other.example.org' });
    const many = write(
      'many.xml',
      `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${other}${metadataOf([first])}</md:EntitiesDescriptor>`,
    );
    expect(
      connections.parse(JSON.stringify([{ ...least, metadata_file: many, entity_id: entityId }])),
    ).toMatchObject([{ source: { entityId } }]);
    expect(problemsOf({ ...least, metadata_file: many })).toEqual([
      'entry 1 has a metadata_file that has several identity providers: entity_id must name one',
    ]);
    expect(problemsOf({ ...least, entity_id: 'https://other.example.org' })).toEqual([
      'entry 1 has a metadata_file that has not one identity provider with that entity_id',
    ]);
  });

  it('leaves out keys that can’t have signed an answer', () => {
    const mixed = write('mixed.xml', metadataOf([weak, curve, first, 'no certificate']));
    const [settings] = connections.parse(JSON.stringify([{ ...least, metadata_file: mixed }]));
    expect(settings).toHaveProperty('source.certificates.length', 1);
    const none = write('none.xml', metadataOf([weak, curve]));
    expect(problemsOf({ ...least, metadata_file: none })).toEqual([
      'entry 1 has a metadata_file that has no certificate with an RSA key of 2,048 bits or more for signatures',
    ]);
  });

  it.each<[string, string, string]>([
    ['is no XML', 'not XML', 'is not metadata in XML'],
    ['has a document type', `<!DOCTYPE x>${metadataOf([first])}`, 'is not metadata in XML'],
    ['is of a service', '<x/>', 'has no identity provider'],
    [
      'has no address for HTTP-Redirect',
      metadataOf([first], { binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST' }),
      'has no SingleSignOnService with an https URL for HTTP-Redirect',
    ],
    [
      'has an address over plain http',
      metadataOf([first], { sso: 'http://idp.example.org/sso' }),
      'has no SingleSignOnService with an https URL for HTTP-Redirect',
    ],
    [
      'has a script as its address',
      metadataOf([first], { sso: 'javascript:alert(1)' }),
      'has no SingleSignOnService with an https URL for HTTP-Redirect',
    ],
  ])('is refused with metadata that %s', (_what, content, problem) => {
    const path = write('bad.xml', content);
    expect(problemsOf({ ...least, metadata_file: path })).toEqual([
      `entry 1 has a metadata_file that ${problem}`,
    ]);
  });

  it.each<[unknown, string]>([
    [
      { ...least, sso_url: byHand.sso_url },
      'must describe the provider in one way: by metadata, by metadata_url, or by entity_id with sso_url and idp_certificates',
    ],
    [
      { ...least, metadata_file: undefined },
      'must describe the provider in one way: by metadata, by metadata_url, or by entity_id with sso_url and idp_certificates',
    ],
    [{ ...least, metadata_file: at('missing') }, 'has a metadata_file that cannot be read, or is empty'],
    [{ ...byHand, sso_url: 'http://idp.example.org' }, 'has no sso_url with an https URL for HTTP-Redirect'],
    [
      { ...byHand, idp_certificate_files: [at('weak.pem')] },
      'has no certificate with an RSA key of 2,048 bits or more for signatures',
    ],
    [
      { ...byHand, idp_certificate_files: undefined },
      'has no certificate with an RSA key of 2,048 bits or more for signatures',
    ],
    [
      { ...least, session_ttl: '0s' },
      'has a session_ttl that is missing or malformed; see docs/connections.md',
    ],
    [
      { ...least, clock_skew: '6m' },
      'has a clock_skew that is missing or malformed; see docs/connections.md',
    ],
    [
      { ...least, name_id_format: 'transient' },
      'has a name_id_format that is missing or malformed; see docs/connections.md',
    ],
    [{ ...least, issuer: 'x' }, 'has an unknown setting: issuer'],
  ])('is refused, by the name of what is wrong: %#', (entry, problem) => {
    expect(problemsOf(entry)).toEqual([`entry 1 ${problem}`]);
  });
});
