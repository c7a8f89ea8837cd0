import { X509Certificate, createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import {
  type Complain,
  commonFields,
  domainsOf,
  fileReader,
  text,
} from '../../platform/config/connection-fields.js';
import {
  SamlMetadataError,
  type SamlProviderFacts,
  readSamlMetadata,
  usableCertificates,
  usableUrl,
} from './saml-metadata.js';
import type { ConnectionSettings } from '../../platform/config/connection-kind.js';
import { durationSeconds } from '../../platform/config/variable.js';

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
export interface SamlConnectionSettings extends ConnectionSettings {
  readonly kind: 'saml';
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
const entity = z.string().regex(/^[^\p{Cc}\s]{1,1024}$/u);
const time = (most: number) =>
  z.string().refine((given) => {
    const seconds = durationSeconds(given);
    return seconds !== undefined && seconds <= most;
  });

/** A text of many lines. */
const document = z.string().trim().min(1).max(500_000);

/** An entry of this kind. */
export const samlSchema = z.strictObject({
  ...commonFields,
  kind: z.literal('saml'),
  metadata: document.optional(),
  metadata_file: text.optional(),
  metadata_url: text.optional(),
  entity_id: entity.optional(),
  sso_url: text.optional(),
  logout_url: text.optional(),
  idp_certificates: z.array(document).min(1).max(8).optional(),
  idp_certificate_files: z.array(text).min(1).max(8).optional(),
  certificate: document.optional(),
  certificate_file: text.optional(),
  key: document.optional(),
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
export function samlSettingsOf(entry: SamlEntry, complain: Complain): SamlConnectionSettings | undefined {
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
    targets: 'url' in source ? [source.url] : [],
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

/** The provider by its metadata, by URL or by hand: one of them. */
function sourceOf(entry: SamlEntry, complain: Complain): SamlConnectionSettings['source'] | undefined {
  const { metadata, metadata_file: file, metadata_url: url, sso_url: sso, idp_certificates: given } = entry;
  const byHand = [sso, given, entry.idp_certificate_files, entry.logout_url].some((one) => one !== undefined);
  if ([metadata !== undefined, file !== undefined, url !== undefined, byHand].filter(Boolean).length !== 1) {
    complain(
      'must describe the provider in one way: by metadata, by metadata_url, or by entity_id with sso_url and idp_certificates',
      'metadata',
    );
    return undefined;
  }
  const read = fileReader(entry, complain);
  const name = file === undefined ? 'metadata' : 'metadata_file';
  const isDocument = metadata !== undefined || file !== undefined;
  try {
    if (isDocument) {
      const content = metadata ?? read('metadata_file') ?? '';
      return content === '' ? undefined : readSamlMetadata(content, entry.entity_id);
    }
    if (entry.entity_id === undefined) {
      complain('must have the entity_id of the provider', 'entity_id');
      return undefined;
    }
    return url === undefined ? byHandOf(entry, entry.entity_id, complain) : urlOf(url, entry.entity_id);
  } catch (error) {
    const isKnown = error instanceof SamlMetadataError;
    if (isDocument) {
      complain(`has a ${name} that ${isKnown ? error.message : 'is not metadata in XML'}`, name);
    } else {
      complain(
        isKnown ? error.message : 'has settings of the provider that cannot be used',
        url === undefined ? undefined : 'metadata_url',
      );
    }
    return undefined;
  }
}

function urlOf(given: string, entityId: string): SamlMetadataUrl {
  return { url: usableUrl(given, 'metadata_url'), entityId };
}

function byHandOf(entry: SamlEntry, entityId: string, complain: Complain): SamlProviderFacts {
  const files = entry.idp_certificate_files ?? [];
  const contents = files.map((file) =>
    fileReader({ idp_certificate_files: file }, complain)('idp_certificate_files'),
  );
  return {
    entityId,
    ssoUrl: usableUrl(entry.sso_url, 'sso_url'),
    logoutUrl: entry.logout_url === undefined ? undefined : usableUrl(entry.logout_url, 'logout_url'),
    certificates: usableCertificates(
      [...(entry.idp_certificates ?? []), ...contents].filter((content) => content !== undefined),
    ),
  };
}

function ownKeyOf(entry: SamlEntry, complain: Complain): SamlKey | undefined {
  const hasKey = entry.key !== undefined || entry.key_file !== undefined;
  const hasCertificate = entry.certificate !== undefined || entry.certificate_file !== undefined;
  const isTwice =
    (entry.key !== undefined && entry.key_file !== undefined) ||
    (entry.certificate !== undefined && entry.certificate_file !== undefined);
  if (hasKey !== hasCertificate || isTwice) {
    complain('must have both a key and its certificate, as text or by file, or neither', 'certificate');
    return undefined;
  }
  const read = fileReader(entry, complain);
  const [certificate, key] = [entry.certificate ?? read('certificate_file'), entry.key ?? read('key_file')];
  if (certificate === undefined || key === undefined || certificate === '' || key === '') {
    return undefined;
  }
  if (!isPair(certificate, key)) {
    complain('must have an RSA key in PEM, and its certificate', 'certificate');
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
