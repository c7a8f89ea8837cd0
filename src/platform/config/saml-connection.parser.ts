import { X509Certificate, createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { commonFields, domainsOf, fileReader, text } from './connection.fields.js';
import {
  SamlMetadataError,
  type SamlProviderFacts,
  readSamlMetadata,
  usableCertificates,
  usableUrl,
} from './saml.metadata.js';
import { durationSeconds } from './variable.js';

/** Our key at a provider: it signs requests, and decrypts assertions. PEM. */
export interface SamlKey {
  readonly certificate: string;
  readonly key: string;
}

/** Where a provider's metadata is read, again and again. */
export interface SamlMetadataUrl {
  readonly url: string;
  /** The provider's name, which the metadata must have. */
  readonly entityId: string;
}

/** A SAML 2.0 identity provider of a company, whose users log in there. */
export interface SamlConnectionSettings {
  readonly kind: 'saml';
  /** Part of its users' identities: a new id makes new users. */
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** Domains whose addresses are sent to it, in lower case and ASCII. Addresses in other domains never count as verified. */
  readonly domains: readonly string[];
  readonly source: SamlMetadataUrl | SamlProviderFacts;
  /** Undefined: requests aren't signed, and encrypted assertions can't be read. */
  readonly ownKey: SamlKey | undefined;
  /** The format of the NameID that is asked for; undefined: the provider decides. */
  readonly nameIdFormat: string | undefined;
  /** Attribute with the id that never changes; undefined: the NameID. */
  readonly subjectAttribute: string | undefined;
  /** Names of the attributes, the first that is there counts. */
  readonly emailAttributes: readonly string[];
  readonly nameAttributes: readonly string[];
  readonly groupsAttributes: readonly string[];
  /** Groups of which a user must be a member; empty: everyone is admitted. */
  readonly allowedGroups: readonly string[];
  /** Whether the addresses that the provider states are its users' own. */
  readonly trustsEmail: boolean;
  /** Authentication contexts that count as a second factor; empty: none does. */
  readonly secondFactorClasses: readonly string[];
  /** Whether an answer without a request begins a login at the connection. */
  readonly allowsUnsolicited: boolean;
  /** Seconds. */
  readonly sessionTtl: number;
  /** Milliseconds by which the provider's clock may differ from ours. */
  readonly clockSkew: number;
}

const formats = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
} as const;

/** Names of attributes as providers have them: plain ones, LDAP's object identifiers, and Microsoft's claims. */
const usual = {
  email: [
    'email',
    'mail',
    'urn:oid:0.9.2342.19200300.100.1.3',
    'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
  ],
  name: [
    'displayName',
    'urn:oid:2.16.840.1.113730.3.1.241',
    'http://schemas.microsoft.com/identity/claims/displayname',
    'name',
    'cn',
    'urn:oid:2.5.4.3',
  ],
  groups: ['groups', 'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups', 'memberOf'],
} as const;

/** REFEDS' profile, Microsoft's, and those classes of SAML that are two factors by definition. */
const secondFactorClasses = [
  'https://refeds.org/profile/mfa',
  'http://schemas.microsoft.com/claims/multipleauthn',
  'urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract',
  'urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorUnregistered',
  'urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken',
] as const;

/** A name that SAML limits to this length (SAML 2.0 Core section 8.3.6). */
const entity = z.string().regex(/^\P{Cc}{1,1024}$/u);
const time = (most: number) =>
  z.string().refine((given) => {
    const seconds = durationSeconds(given);
    return seconds !== undefined && seconds <= most;
  });

/** An entry of this kind. */
export const samlSchema = z.strictObject({
  ...commonFields,
  kind: z.literal('saml'),
  metadata_file: text.optional(),
  metadata_url: text.optional(),
  entity_id: entity.optional(),
  sso_url: text.optional(),
  logout_url: text.optional(),
  idp_certificate_files: z.array(text).min(1).max(8).optional(),
  certificate_file: text.optional(),
  key_file: text.optional(),
  name_id_format: z.enum(['persistent', 'emailAddress']).optional(),
  subject_attribute: text.optional(),
  email_attribute: text.optional(),
  name_attribute: text.optional(),
  groups_attribute: text.optional(),
  allowed_groups: z.array(text).max(50).default([]),
  trust_email: z.boolean().default(false),
  trust_second_factor: z.boolean().default(false),
  second_factor_classes: z
    .array(text)
    .min(1)
    .max(20)
    .default([...secondFactorClasses]),
  allow_idp_initiated: z.boolean().default(false),
  session_ttl: time(36_500 * 86_400).default('12h'),
  clock_skew: time(300).default('60s'),
});

type SamlEntry = z.output<typeof samlSchema>;

/** Settings of an entry, with the files that it names read. */
export function samlSettingsOf(
  entry: SamlEntry,
  complain: (problem: string) => void,
): SamlConnectionSettings | undefined {
  const domains = domainsOf(entry, complain);
  const ownKey = ownKeyOf(entry, complain);
  const source = sourceOf(entry, complain);
  if (source === undefined) {
    return undefined;
  }
  return {
    kind: 'saml',
    id: entry.id,
    name: entry.name,
    domains,
    source,
    ownKey,
    nameIdFormat: entry.name_id_format && formats[entry.name_id_format],
    subjectAttribute: entry.subject_attribute,
    emailAttributes: namesOf(entry.email_attribute, usual.email),
    nameAttributes: namesOf(entry.name_attribute, usual.name),
    groupsAttributes: namesOf(entry.groups_attribute, usual.groups),
    allowedGroups: entry.allowed_groups,
    trustsEmail: entry.trust_email,
    secondFactorClasses: entry.trust_second_factor ? entry.second_factor_classes : [],
    allowsUnsolicited: entry.allow_idp_initiated,
    sessionTtl: durationSeconds(entry.session_ttl) ?? 0,
    clockSkew: (durationSeconds(entry.clock_skew) ?? 0) * 1000,
  };
}

/** The provider by file, by URL or by hand: one of them. */
function sourceOf(
  entry: SamlEntry,
  complain: (problem: string) => void,
): SamlConnectionSettings['source'] | undefined {
  const { metadata_file: file, metadata_url: url, sso_url: sso, idp_certificate_files: certificates } = entry;
  const byHand = sso !== undefined || certificates !== undefined || entry.logout_url !== undefined;
  if ([file !== undefined, url !== undefined, byHand].filter(Boolean).length !== 1) {
    complain(
      'must have one of metadata_file, metadata_url, or entity_id with sso_url and idp_certificate_files',
    );
    return undefined;
  }
  const read = fileReader(entry, complain);
  try {
    if (file !== undefined) {
      const content = read('metadata_file') ?? '';
      return content === '' ? undefined : readSamlMetadata(content, entry.entity_id);
    }
    if (entry.entity_id === undefined) {
      complain('must have the entity_id of the provider');
      return undefined;
    }
    return url === undefined ? byHandOf(entry, entry.entity_id, complain) : urlOf(url, entry.entity_id);
  } catch (error) {
    complain(
      file === undefined
        ? error instanceof SamlMetadataError
          ? error.message
          : 'has settings of the provider that cannot be used'
        : `has a metadata_file that ${error instanceof SamlMetadataError ? error.message : 'is not metadata in XML'}`,
    );
    return undefined;
  }
}

function urlOf(given: string, entityId: string): SamlMetadataUrl {
  return { url: usableUrl(given, 'metadata_url'), entityId };
}

function byHandOf(
  entry: SamlEntry,
  entityId: string,
  complain: (problem: string) => void,
): SamlProviderFacts {
  const files = entry.idp_certificate_files ?? [];
  const contents = files.map((file) =>
    fileReader({ idp_certificate_files: file }, complain)('idp_certificate_files'),
  );
  return {
    entityId,
    ssoUrl: usableUrl(entry.sso_url, 'sso_url'),
    logoutUrl: entry.logout_url === undefined ? undefined : usableUrl(entry.logout_url, 'logout_url'),
    certificates: usableCertificates(contents.filter((content) => content !== undefined)),
  };
}

function ownKeyOf(entry: SamlEntry, complain: (problem: string) => void): SamlKey | undefined {
  if ((entry.key_file === undefined) !== (entry.certificate_file === undefined)) {
    complain('must have both certificate_file and key_file, or neither');
    return undefined;
  }
  const read = fileReader(entry, complain);
  const [certificate, key] = [read('certificate_file'), read('key_file')];
  if (certificate === undefined || key === undefined || certificate === '' || key === '') {
    return undefined;
  }
  if (!isPair(certificate, key)) {
    complain('must have a key_file with an RSA key in PEM, and a certificate_file with its certificate');
    return undefined;
  }
  return { certificate, key };
}

function isPair(certificate: string, pem: string): boolean {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' && new X509Certificate(certificate).checkPrivateKey(key);
  } catch {
    return false;
  }
}

function namesOf(given: string | undefined, usualNames: readonly string[]): readonly string[] {
  return given === undefined ? usualNames : [given];
}
