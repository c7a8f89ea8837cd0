import { X509Certificate } from 'node:crypto';
import { isLoopbackHost } from '../../platform/core/loopback.js';
import { attributeOf, childOf, childrenOf, isNamed, parseXml, textOf } from './strict-xml.js';

const namespaces = {
  metadata: 'urn:oasis:names:tc:SAML:2.0:metadata',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const;
const redirectBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
/** Certificates that are kept: a rollover needs two. */
const certificatesAtMost = 8;
/** Bits of an RSA key, at least (NIST SP 800-131A). */
const leastBits = 2048;

/** What is known about a company's SAML identity provider. */
export interface SamlProviderFacts {
  readonly entityId: string;
  /** Where browsers are sent to log in, by HTTP-Redirect. */
  readonly ssoUrl: string;
  /** Where the answer to its logout goes, by HTTP-Redirect; undefined if it has no such address. */
  readonly logoutUrl: string | undefined;
  /** Until when the provider vouches for its metadata, in milliseconds since the epoch; undefined if it doesn't state that. */
  readonly validUntil?: number | undefined;
  /** PEM; an answer must be signed with one of their keys. */
  readonly certificates: readonly string[];
}

/** Metadata that can't be used. The message names the setting or element, and has no content of the document. */
export class SamlMetadataError extends Error {
  override readonly name = 'SamlMetadataError';
}

/** Metadata that isn't of the provider that was asked for. */
export class UnknownEntityError extends SamlMetadataError {
  constructor(
    message: string,
    /** Names of the identity providers that it has; empty if it has none. */
    readonly entityIds: readonly string[],
  ) {
    super(message);
  }
}

/** None of the certificates can have signed an answer that is accepted. */
export class NoCertificateError extends SamlMetadataError {}

/**
 * Reads the metadata of an identity provider (SAML 2.0 Metadata section 2.4.3).
 * @param entityId picks one of several providers, and must be that of a single one.
 * @throws {SamlMetadataError} {XmlError}
 */
export function readSamlMetadata(text: string, entityId: string | undefined): SamlProviderFacts {
  const providers = providersIn(parseXml(text));
  const found = providers.filter(
    (entity) => entityId === undefined || attributeOf(entity, 'entityID') === entityId,
  );
  const [entity, ...others] = found;
  const id = attributeOf(entity, 'entityID');
  if (entity === undefined || id === undefined || others.length > 0) {
    throw new UnknownEntityError(
      entityId !== undefined
        ? 'has not one identity provider with that entity_id'
        : `has ${found.length > 1 ? 'several identity providers: entity_id must name one' : 'no identity provider'}`,
      providers.flatMap((provider) => attributeOf(provider, 'entityID') ?? []),
    );
  }
  const role = childOf(entity, namespaces.metadata, 'IDPSSODescriptor');
  const keys = role === undefined ? [] : childrenOf(role, namespaces.metadata, 'KeyDescriptor');
  const ends = [...ancestorsOf(entity), entity, role].flatMap((one) => attributeOf(one, 'validUntil') ?? []);
  const times = ends.map((end) => Date.parse(end)).filter((time) => !Number.isNaN(time));
  return {
    entityId: id,
    validUntil: times.length === 0 ? undefined : Math.min(...times),
    ssoUrl: usableUrl(locationOf(role, 'SingleSignOnService', 'Location'), 'SingleSignOnService'),
    logoutUrl: optionalUrl(
      locationOf(role, 'SingleLogoutService', 'ResponseLocation') ??
        locationOf(role, 'SingleLogoutService', 'Location'),
    ),
    certificates: usableCertificates(
      keys.filter((key) => (attributeOf(key, 'use') ?? 'signing') === 'signing').flatMap(certificatesIn),
    ),
  };
}

/** PEM, or the base64 of metadata → PEM of each certificate whose key can have signed an answer. @throws {SamlMetadataError} */
export function usableCertificates(given: readonly string[]): readonly string[] {
  const usable = [...new Set(given)].slice(0, certificatesAtMost).flatMap((text) => {
    const certificate = certificateOf(text);
    const { asymmetricKeyType: kind, asymmetricKeyDetails: details } = certificate?.publicKey ?? {};
    const isStrong = kind === 'rsa' && (details?.modulusLength ?? 0) >= leastBits;
    return certificate !== undefined && isStrong ? [certificate.toString().trim()] : [];
  });
  if (usable.length === 0) {
    throw new NoCertificateError('has no certificate with an RSA key of 2,048 bits or more for signatures');
  }
  return usable;
}

/** An address to which browsers may be sent: over plain http, anyone on the way could be the provider. @throws {SamlMetadataError} */
export function usableUrl(given: string | undefined, name: string): string {
  const url = optionalUrl(given);
  if (url === undefined) {
    throw new SamlMetadataError(`has no ${name} with an https URL for HTTP-Redirect`);
  }
  return url;
}

function optionalUrl(given: string | undefined): string | undefined {
  const url = given !== undefined && URL.canParse(given) ? new URL(given) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  return isSafe && url.username === '' && url.password === '' ? url.href : undefined;
}

function providersIn(root: Element): readonly Element[] {
  const { metadata } = namespaces;
  if (isNamed(root, metadata, 'EntityDescriptor')) {
    return childrenOf(root, metadata, 'IDPSSODescriptor').length > 0 ? [root] : [];
  }
  return isNamed(root, metadata, 'EntitiesDescriptor')
    ? ['EntityDescriptor', 'EntitiesDescriptor'].flatMap((name) =>
        childrenOf(root, metadata, name).flatMap(providersIn),
      )
    : [];
}

function ancestorsOf({ parentNode: parent }: Node): readonly Element[] {
  return parent !== null && isElement(parent) ? [...ancestorsOf(parent), parent] : [];
}

function isElement(node: Node): node is Element {
  return node.nodeType === node.ELEMENT_NODE;
}

function locationOf(role: Element | undefined, service: string, attribute: string): string | undefined {
  const services = role === undefined ? [] : childrenOf(role, namespaces.metadata, service);
  return attributeOf(
    services.find((one) => attributeOf(one, 'Binding') === redirectBinding),
    attribute,
  );
}

function certificatesIn(key: Element): readonly string[] {
  const { signature } = namespaces;
  const info = childOf(key, signature, 'KeyInfo');
  return (info === undefined ? [] : childrenOf(info, signature, 'X509Data'))
    .flatMap((data) => childrenOf(data, signature, 'X509Certificate'))
    .flatMap((certificate) => textOf(certificate) ?? []);
}

function certificateOf(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(
      text.includes('-----BEGIN') ? text : Buffer.from(text.replaceAll(/\s/g, ''), 'base64'),
    );
  } catch {
    return undefined;
  }
}
