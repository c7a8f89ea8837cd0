import type { SamlConnectionSettings } from './saml-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { attributeOf, childOf, childrenOf, textOf } from './strict-xml.js';
import type { ReportedUser } from '../connections/company.provider.js';
import { namespaces, parsed, refused, strictly } from './saml-document.js';

const { assertion: saml } = namespaces;
const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
const emailFormat = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
/** A text that fits into a row: without characters that a database rejects. */
const plain = /^\P{Cc}{1,320}$/u;
/**
 * Milliseconds for which an assertion may be valid: so long it is remembered, so that it isn't used again. Some providers state days by
 * default.
 */
const longestLife = 31 * 86_400_000;
/** Groups of a user that are kept. */
const groupsAtMost = 500;

/** What an assertion must be for. */
export interface ExpectedAssertion {
  readonly issuer: string;
  /** Our name at the provider. */
  readonly audience: string;
  /** Where the provider was to send the answer. */
  readonly recipient: string;
  /** Id of the request that it answers. */
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds by which clocks may differ. */
  readonly skew: number;
}

/** What a signed assertion states. Times are milliseconds since the epoch. */
export interface VerifiedAssertion {
  readonly id: string;
  /** From then on it is refused for its age. */
  readonly expiresAt: number;
  readonly nameId: { readonly value: string; readonly format: string | undefined } | undefined;
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** The provider's name of its session. */
  readonly sessionIndex: string | undefined;
  readonly authTime: number | null;
  readonly contextClass: string | undefined;
  /** Until when the provider's session lives, if it states that. */
  readonly sessionEnd: number | undefined;
}

/**
 * Reads an assertion, and checks whom it is for and for how long (SAML 2.0 Profiles section 4.1.4.3).
 * @param xml the bytes that are signed, and nothing else.
 * @throws {Problem} `login_refused`, `clocks_differ`
 */
export function readAssertion(xml: string, expected: ExpectedAssertion): VerifiedAssertion {
  return strictly(() => {
    const root = parsed(xml);
    const id = attributeOf(root, 'ID');
    if (id === undefined || attributeOf(root, 'Version') !== '2.0') {
      throw refused('saml_assertion_malformed');
    }
    if (textOf(childOf(root, saml, 'Issuer')) !== expected.issuer) {
      throw refused('saml_issuer_mismatch');
    }
    const subject = childOf(root, saml, 'Subject');
    requireConfirmed(subject, expected);
    const validUntil = conditionsOf(childOf(root, saml, 'Conditions'), expected);
    const [statement] = childrenOf(root, saml, 'AuthnStatement');
    if (statement === undefined) {
      throw refused('saml_without_authentication');
    }
    return {
      id,
      expiresAt: validUntil + expected.skew,
      nameId: nameIdOf(subject),
      attributes: attributesOf(root),
      sessionIndex: plainText(attributeOf(statement, 'SessionIndex')),
      authTime: timeOf(statement, 'AuthnInstant') ?? null,
      contextClass: textOf(childOf(childOf(statement, saml, 'AuthnContext'), saml, 'AuthnContextClassRef')),
      sessionEnd: timeOf(statement, 'SessionNotOnOrAfter'),
    };
  });
}

/** The subject and the user of an assertion, by the names that a connection has for attributes. @throws {Problem} `login_refused` */
export function toReportedUser(
  { nameId, attributes }: VerifiedAssertion,
  settings: SamlConnectionSettings,
): ReportedUser {
  const { subjectAttribute, emailAttributes, nameAttributes, groupsAttributes, allowedGroups } = settings;
  const [subject, ...others] =
    subjectAttribute === undefined ? stableNameId(nameId) : (attributes.get(subjectAttribute) ?? []);
  if (subject === undefined || others.length > 0 || plainText(subject) === undefined) {
    throw refused('saml_without_subject');
  }
  const byName = nameId?.format === emailFormat ? nameId.value : undefined;
  const email = plainText(firstOf(attributes, emailAttributes)[0] ?? byName) ?? null;
  const groups = [...new Set(firstOf(attributes, groupsAttributes))]
    .filter((group) => plainText(group) !== undefined)
    .toSorted();
  const isAdmitted = allowedGroups.length === 0 || groups.some((group) => allowedGroups.includes(group));
  return {
    subject,
    email,
    isEmailProven: settings.trustsEmail,
    name: plainText(firstOf(attributes, nameAttributes)[0]) ?? null,
    groups: groups.slice(0, groupsAtMost),
    state: isAdmitted ? 'active' : 'not_admitted',
  };
}

/** A NameID that is the same at the next login. */
function stableNameId(nameId: VerifiedAssertion['nameId']): readonly string[] {
  if (nameId?.format === transient) {
    throw new Problem('provider_misconfigured', { reason: 'saml_transient_name_id' });
  }
  return nameId === undefined ? [] : [nameId.value];
}

/** One of the confirmations must be for this login. */
function requireConfirmed(subject: Element | undefined, expected: ExpectedAssertion): void {
  const confirmations =
    subject === undefined
      ? []
      : childrenOf(subject, saml, 'SubjectConfirmation').filter(
          (one) => attributeOf(one, 'Method') === bearer,
        );
  let failure: Problem = refused('saml_without_confirmation');
  for (const confirmation of confirmations) {
    try {
      requireConfirmation(childOf(confirmation, saml, 'SubjectConfirmationData'), expected);
      return;
    } catch (error) {
      if (!(error instanceof Problem)) {
        throw error;
      }
      failure = error;
    }
  }
  throw failure;
}

function requireConfirmation(data: Element | undefined, expected: ExpectedAssertion): void {
  if (attributeOf(data, 'Recipient') !== expected.recipient) {
    throw refused('saml_recipient_mismatch');
  }
  if (attributeOf(data, 'InResponseTo') !== expected.requestId) {
    throw refused('saml_of_another_request');
  }
  requireTimely(data, expected);
}

function conditionsOf(conditions: Element | undefined, expected: ExpectedAssertion): number {
  const restrictions = conditions === undefined ? [] : childrenOf(conditions, saml, 'AudienceRestriction');
  const areOurs = restrictions.every((restriction) =>
    childrenOf(restriction, saml, 'Audience').some((audience) => textOf(audience) === expected.audience),
  );
  if (restrictions.length === 0 || !areOurs) {
    throw refused('saml_audience_mismatch');
  }
  return requireTimely(conditions, expected);
}

/** @returns the end, which must be stated. */
function requireTimely(element: Element | undefined, { now, skew }: ExpectedAssertion): number {
  const [from, until] = [timeOf(element, 'NotBefore'), timeOf(element, 'NotOnOrAfter')];
  if (until === undefined) {
    throw refused('saml_without_end');
  }
  if (until > now + longestLife) {
    throw refused('saml_valid_for_too_long');
  }
  if (until + skew <= now) {
    throw refused('saml_expired');
  }
  if (from !== undefined && from - skew > now) {
    throw new Problem('clocks_differ', { reason: 'saml_not_yet_valid' });
  }
  return until;
}

function nameIdOf(subject: Element | undefined): VerifiedAssertion['nameId'] {
  const nameId = childOf(subject, saml, 'NameID');
  const value = textOf(nameId);
  return value === undefined ? undefined : { value, format: attributeOf(nameId, 'Format') };
}

function attributesOf(root: Element): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const statement of childrenOf(root, saml, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, saml, 'Attribute')) {
      const name = attributeOf(attribute, 'Name') ?? '';
      const values = childrenOf(attribute, saml, 'AttributeValue').flatMap((value) => textOf(value) ?? []);
      found.set(name, [...(found.get(name) ?? []), ...values]);
    }
  }
  return found;
}

function firstOf(
  attributes: ReadonlyMap<string, readonly string[]>,
  names: readonly string[],
): readonly string[] {
  const name = names.find((one) => (attributes.get(one) ?? []).length > 0);
  return name === undefined ? [] : (attributes.get(name) ?? []);
}

function plainText(text: string | undefined): string | undefined {
  return text !== undefined && plain.test(text) ? text : undefined;
}

/** A time of XML Schema in UTC (SAML 2.0 Core section 1.3.3). @throws {Problem} for what is no time. */
export function timeOf(element: Element | undefined, name: string): number | undefined {
  const text = attributeOf(element, name);
  if (text === undefined) {
    return undefined;
  }
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw refused('saml_time_malformed');
  }
  return time;
}
