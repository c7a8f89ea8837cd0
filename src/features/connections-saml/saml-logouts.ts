import { createSign, createVerify } from 'node:crypto';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import type { SamlProviderFacts } from './saml-metadata.js';
import type { Clock } from '../../platform/time/clock.service.js';
import { attributeOf, childOf, childrenOf, textOf } from './strict-xml.js';
import { timeOf } from './saml-assertion.js';
import {
  decodeMessage,
  judgeMessage,
  namespaces,
  refused,
  signatureHashes,
  strictly,
} from './saml-document.js';

const inflate = promisify(inflateRaw);
/** Bytes of a message after it is unpacked, at most: a small text can become a huge one. */
const largest = 131_072;

/** A logout request as a browser brings it: posted, or with its signature in the query. */
export type LogoutMessage =
  | { readonly binding: 'post'; readonly request: unknown }
  /** @property query the URL's query, as it was sent. */
  | { readonly binding: 'redirect'; readonly query: string };

/** Whose logouts are accepted. */
export interface LogoutExpectation {
  readonly issuer: string;
  /** Our address. */
  readonly destination: string;
  /** Milliseconds by which clocks may differ. */
  readonly skew: number;
  /** The stored subject of a NameID; null if subjects aren't NameIDs. */
  readonly subjectOf: (nameId: string) => string | null;
}

/** Verifies logouts that a SAML provider reports by the browser (SAML 2.0 Profiles section 4.4). */
export class SamlLogouts {
  constructor(
    private readonly expected: LogoutExpectation,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** @throws {Problem} `login_refused` */
  async verify(message: LogoutMessage, facts: SamlProviderFacts): Promise<VerifiedLogoutToken> {
    const root =
      message.binding === 'post'
        ? await verifiedPost(message.request, facts, this.expected)
        : await verifiedRedirect(message.query, facts);
    return strictly(() => this.#read(root));
  }

  #read(root: Element): VerifiedLogoutToken {
    const { issuer, destination, skew, subjectOf } = this.expected;
    const { assertion: saml, protocol } = namespaces;
    const [id, issuedAt, until] = [
      attributeOf(root, 'ID'),
      timeOf(root, 'IssueInstant'),
      timeOf(root, 'NotOnOrAfter'),
    ];
    if (textOf(childOf(root, saml, 'Issuer')) !== issuer) {
      throw refused('saml_issuer_mismatch');
    }
    if (attributeOf(root, 'Destination') !== destination) {
      throw refused('saml_destination_mismatch');
    }
    if (id === undefined || issuedAt === undefined || attributeOf(root, 'Version') !== '2.0') {
      throw refused('saml_logout_malformed');
    }
    if (until !== undefined && until + skew <= this.clock.now()) {
      throw refused('saml_expired');
    }
    const nameId = textOf(childOf(root, saml, 'NameID'));
    const indexes = childrenOf(root, protocol, 'SessionIndex').flatMap((index) => textOf(index) ?? []);
    const subject = nameId === undefined ? null : subjectOf(nameId);
    // Of several sessions of one user, all end: nothing says which of them this gateway has.
    const sid = indexes.length === 1 || subject === null ? (indexes[0] ?? null) : null;
    if (subject === null && (sid === null || indexes.length > 1)) {
      throw refused('saml_logout_of_unknown');
    }
    return { tokenIssuer: issuer, jti: id, issuedAt, expiresAt: until ?? null, sid, subject };
  }
}

/** The signature is in the message, of which it must cover all. */
async function verifiedPost(
  given: unknown,
  { certificates, ssoUrl }: SamlProviderFacts,
  { issuer, destination, skew }: LogoutExpectation,
): Promise<Element> {
  const xml = decodeMessage(given);
  const { root, isSigned } = judgeMessage(xml, 'LogoutRequest');
  if (!isSigned) {
    throw refused('saml_unsigned');
  }
  const { SAML } = await import('@node-saml/node-saml');
  const saml = new SAML({
    issuer: destination,
    callbackUrl: destination,
    entryPoint: ssoUrl,
    idpCert: [...certificates],
    idpIssuer: issuer,
    acceptedClockSkewMs: skew,
  });
  try {
    await saml.validatePostRequestAsync({ SAMLRequest: String(given) });
  } catch (error) {
    throw refused('saml_not_verified', error);
  }
  return root;
}

/** The signature is over the query as it was sent (SAML 2.0 Bindings section 3.4.4.1). */
async function verifiedRedirect(query: string, { certificates }: SamlProviderFacts): Promise<Element> {
  const parts = query.split('&').map((part) => part.split('=', 2)[0] ?? '');
  const sent = (name: string): string | undefined => {
    const found = query.split('&').filter((part) => part.startsWith(`${name}=`));
    return found.length === 1 ? found[0] : undefined;
  };
  const valueOf = (name: string): string | undefined =>
    new URLSearchParams(sent(name) ?? '').get(name) ?? undefined;
  if (new Set(parts).size !== parts.length) {
    throw refused('saml_parameter_twice');
  }
  const hash = signatureHashes.get(valueOf('SigAlg') ?? '');
  const signature = valueOf('Signature');
  const message = sent('SAMLRequest');
  if (signature === undefined || message === undefined) {
    throw refused('saml_unsigned');
  }
  if (hash === undefined) {
    throw refused('saml_algorithm_refused');
  }
  const text = [message, sent('RelayState'), sent('SigAlg')].filter((part) => part !== undefined).join('&');
  const isRight = certificates.some((certificate) =>
    createVerify(hash).update(text).verify(certificate, signature, 'base64'),
  );
  if (!isRight) {
    throw refused('saml_not_verified');
  }
  const packed = Buffer.from(valueOf('SAMLRequest') ?? '', 'base64');
  let xml: string;
  try {
    xml = (await inflate(packed, { maxOutputLength: largest })).toString('utf8');
  } catch (error) {
    throw refused('saml_not_deflated', error);
  }
  return judgeMessage(xml, 'LogoutRequest').root;
}

/**
 * The URL that takes a message to a provider by HTTP-Redirect. The signature is over the query as it is sent.
 * @param key PEM; undefined: it isn't signed.
 */
export function signedUrl(
  target: string,
  message: Readonly<Record<string, string | undefined>>,
  key: string | undefined,
): string {
  const encode = (text: string): string => encodeURIComponent(text).replaceAll("'", '%27');
  const [algorithm = '', hash = ''] = [...signatureHashes][0] ?? [];
  const parts = Object.entries({ ...message, ...(key === undefined ? {} : { SigAlg: algorithm }) }).flatMap(
    ([name, value]) => (value === undefined || value === '' ? [] : [`${name}=${encode(value)}`]),
  );
  const query = parts.join('&');
  const signature =
    key === undefined ? '' : `&Signature=${encode(createSign(hash).update(query).sign(key, 'base64'))}`;
  return `${target}${target.includes('?') ? '&' : '?'}${query}${signature}`;
}
