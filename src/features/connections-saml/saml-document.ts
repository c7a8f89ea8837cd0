import { promisify } from 'node:util';
import { Problem } from '../../platform/errors/problem.error.js';
import { XmlError, allElements, attributeOf, childOf, childrenOf, isNamed, parseXml } from './strict-xml.js';

export const namespaces = {
  protocol: 'urn:oasis:names:tc:SAML:2.0:protocol',
  assertion: 'urn:oasis:names:tc:SAML:2.0:assertion',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const;

const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
/** What a signature may use. SHA-1 and keyed hashes aren't among it. */
const allowed = {
  canonicalization: new Set([exclusive, `${exclusive}WithComments`]),
  transform: new Set([
    'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
    exclusive,
    `${exclusive}WithComments`,
  ]),
  digest: new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']),
} as const;

/** Algorithms of signatures, by which Node knows them. */
export const signatureHashes: ReadonlyMap<string, string> = new Map([
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'RSA-SHA256'],
  ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha512', 'RSA-SHA512'],
]);

/** Characters of a message's base64, at most. */
const longest = 262_144;

/** A response whose form is as it should be. Nothing in it is verified yet. */
export interface ResponseForm {
  readonly root: Element;
  readonly isSigned: boolean;
  /** Undefined if the response has no assertion, because the provider refuses. */
  readonly assertion: { readonly isSigned: boolean } | undefined;
}

/** The XML of a message in the HTTP-POST binding (SAML 2.0 Bindings section 3.5.4). @throws {Problem} `login_refused` */
export function decodeMessage(given: unknown): string {
  const packed = typeof given === 'string' && given.length <= longest ? given.replaceAll(/\s+/g, '') : '';
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(packed)) {
    throw refused('saml_not_base64');
  }
  return Buffer.from(packed, 'base64').toString('utf8');
}

/**
 * Judges the form of a response before any signature is verified: what is signed is what is read, in every way to read it. Attacks by
 * wrapping move a signed element elsewhere or add one; here an assertion stands in one place only, signatures stand directly in what
 * they sign, and no id occurs twice.
 * @param key decrypts an assertion, to judge what is in it; PEM.
 * @throws {Problem} `login_refused`
 */
export async function judgeResponse(xml: string, key: string | undefined): Promise<ResponseForm> {
  const root = parsed(xml);
  if (!isNamed(root, namespaces.protocol, 'Response')) {
    throw refused('saml_not_a_response');
  }
  const plain = childrenOf(root, namespaces.assertion, 'Assertion');
  const encrypted = childrenOf(root, namespaces.assertion, 'EncryptedAssertion');
  if (plain.length + encrypted.length > 1) {
    throw refused('saml_several_assertions');
  }
  judgeSignatures(root, [root, ...plain]);
  const [hidden] = encrypted;
  const assertion = hidden === undefined ? plain[0] : await decrypted(hidden, key);
  if (assertion !== undefined && hidden !== undefined) {
    judgeSignatures(assertion, [assertion]);
  }
  return {
    root,
    isSigned: isSigned(root),
    assertion: assertion && { isSigned: isSigned(assertion) },
  };
}

/** Judges the form of any other message, which is signed as a whole or not at all. @throws {Problem} `login_refused` */
export function judgeMessage(
  xml: string,
  name: string,
): { readonly root: Element; readonly isSigned: boolean } {
  const root = parsed(xml);
  if (!isNamed(root, namespaces.protocol, name)) {
    throw refused('saml_other_message');
  }
  judgeSignatures(root, [root]);
  return { root, isSigned: isSigned(root) };
}

/** Parses a message. @throws {Problem} `login_refused` */
export function parsed(xml: string): Element {
  return strictly(() => parseXml(xml));
}

/** Reads a message. @throws {Problem} `login_refused` if it hasn't the form that it should have. */
export function strictly<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof XmlError ? refused('saml_malformed', error) : error;
  }
}

export function refused(reason: string, cause?: unknown): Problem {
  return new Problem('login_refused', { reason, cause });
}

async function decrypted(hidden: Element, key: string | undefined): Promise<Element> {
  if (key === undefined) {
    throw new Problem('provider_misconfigured', { reason: 'saml_assertion_encrypted_without_key' });
  }
  let xml: string;
  try {
    const { decrypt } = await import('xml-encryption');
    xml = await promisify(decrypt)(hidden.toString(), {
      key,
      disallowDecryptionWithInsecureAlgorithm: true,
      warnInsecureAlgorithm: false,
    });
  } catch (error) {
    throw refused('saml_not_decrypted', error);
  }
  const root = parsed(xml);
  if (!isNamed(root, namespaces.assertion, 'Assertion')) {
    throw refused('saml_not_decrypted');
  }
  return root;
}

/** @param places elements that may have a signature, and are the only assertions. */
function judgeSignatures(root: Element, places: readonly Element[]): void {
  const ids = new Set<string>();
  for (const element of allElements(root)) {
    for (const name of ['ID', 'Id', 'id', 'AssertionID', 'xml:id']) {
      const id = attributeOf(element, name);
      if (id !== undefined && ids.size === ids.add(id).size) {
        throw refused('saml_id_twice');
      }
    }
    const isAssertion = element.localName === 'Assertion' || element.localName === 'Response';
    if (isAssertion && !places.includes(element)) {
      throw refused('saml_assertion_elsewhere');
    }
    if (element.localName === 'Signature') {
      const signed = places.find((place) => place === element.parentNode);
      if (signed === undefined || element.namespaceURI !== namespaces.signature) {
        throw refused('saml_signature_elsewhere');
      }
      strictly(() => judgeSignature(element, signed));
    }
  }
}

/** A signature's one reference leads to the element that it stands in, by algorithms that hold (SAML 2.0 Core section 5.4). */
function judgeSignature(signature: Element, signed: Element): void {
  const { signature: ds } = namespaces;
  const info = childOf(signature, ds, 'SignedInfo');
  const reference = childOf(info, ds, 'Reference');
  const id = attributeOf(signed, 'ID');
  if (
    childrenOf(signed, ds, 'Signature').length !== 1 ||
    childrenOf(signature, ds, 'Object').length > 0 ||
    id === undefined ||
    !/^[\w.-]{1,256}$/.test(id) ||
    attributeOf(reference, 'URI') !== `#${id}`
  ) {
    throw refused('saml_signature_of_another_element');
  }
  const transforms = childOf(reference, ds, 'Transforms');
  const named = (element: Element | undefined): string => attributeOf(element, 'Algorithm') ?? '';
  const areAllowed =
    signatureHashes.has(named(childOf(info, ds, 'SignatureMethod'))) &&
    allowed.canonicalization.has(named(childOf(info, ds, 'CanonicalizationMethod'))) &&
    allowed.digest.has(named(childOf(reference, ds, 'DigestMethod'))) &&
    transforms !== undefined &&
    childrenOf(transforms, ds, 'Transform').every((transform) => allowed.transform.has(named(transform)));
  if (!areAllowed) {
    throw refused('saml_algorithm_refused');
  }
}

function isSigned(element: Element): boolean {
  return childrenOf(element, namespaces.signature, 'Signature').length > 0;
}
