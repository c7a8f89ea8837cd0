/** Role in an organisation; each includes those before it. */
export type OrgRole = 'member' | 'admin' | 'owner';

/** A second factor that a policy requires of a user who hasn't given one. */
export interface RequiredFactor {
  /** From when on it is required, in seconds since the epoch. */
  readonly due: number;
  /** From then on: what the token lacks for it. `session`: everything; `role`: the roles; `org`: the active organisation. */
  readonly missing?: readonly string[] | undefined;
  /** The organisation that the user would act for. */
  readonly org?: { readonly id: string; readonly slug: string } | undefined;
}

/** Who acts for a token's subject (RFC 8693, section 4.1). */
export interface Actor {
  readonly sub: string;
  /** Id of its session, or of its API key. */
  readonly sid?: string | undefined;
  /** Id of its token. */
  readonly jti?: string | undefined;
  /** Who acted before it. */
  readonly act?: Actor | undefined;
}

/** Claims of a verified token (RFC 9068); your deployment's own claims stand beside them. Times are seconds since the epoch. */
export interface Claims {
  /** The gateway's `PUBLIC_URL`. */
  readonly iss: string;
  /** The gateway's `TOKEN_AUDIENCE`. */
  readonly aud: string;
  /** Id of the user. It stays the same when the address changes. */
  readonly sub: string;
  /** `service` for a service account: of an organisation's API key, a service client or a machine; people have none. */
  readonly sub_profile?: string | undefined;
  /** Id of the session, or of the API key that the token came from. */
  readonly sid: string;
  /** Id of this token. */
  readonly jti: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  /** When the user last gave credentials; 0 if the provider doesn't state it. */
  readonly auth_time: number;
  /** How the user authenticated (RFC 8176). */
  readonly amr: readonly string[];
  /** `aal2` if a second factor was given. */
  readonly acr?: string | undefined;
  /** `admin` for administrators of the deployment. */
  readonly roles?: readonly string[] | undefined;
  /** Who acts for `sub` (RFC 8693, section 4.1). */
  readonly act?: Actor | undefined;
  /** The active organisation. */
  readonly org?: { readonly id: string; readonly slug: string; readonly role: OrgRole } | undefined;
  /** A second factor that a policy requires, and that the user hasn't given. */
  readonly second_factor?: RequiredFactor | undefined;
  /** The kind of provider that logged the user in. */
  readonly idp: string;
  /** Id of the user at the provider: with Ory, the `sub` that applications get. Only tokens of sessions have it. */
  readonly idp_sub?: string | undefined;
  /** Confirmation (RFC 7800): the token is good only with a proof by the key with this thumbprint (DPoP, RFC 9449). */
  readonly cnf?: { readonly jkt: string } | undefined;
  /** OAuth client through which the user logged in. */
  readonly client_id: string;
  /** Space-separated scopes. */
  readonly scope: string;
  readonly email?: string | undefined;
  readonly email_verified: boolean;
  readonly name?: string | undefined;
  readonly picture?: string | undefined;
  readonly [own: string]: unknown;
}

/** The user that a token is of. */
export interface User {
  readonly id: string;
  /** Null for service accounts, which have none, and for users whose provider states none. */
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
}

/** Claims → the user that they describe. */
export function userOf({ sub, email, email_verified, name, picture }: Claims): User {
  return {
    id: sub,
    email: email ?? null,
    emailVerified: email_verified,
    name: name ?? null,
    picture: picture ?? null,
  };
}

type Check = (value: unknown) => boolean;
type Members = Readonly<Record<string, unknown>>;

const isText: Check = (value) => typeof value === 'string';
const isTime: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isFlag: Check = (value) => typeof value === 'boolean';
const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;
const isRole: Check = (value) => value === 'member' || value === 'admin' || value === 'owner';
const isOrg: Check = (value) =>
  isObject(value) && isText(value['id']) && isText(value['slug']) && isRole(value['role']);

const isFactor: Check = (value) =>
  isObject(value) &&
  isTime(value['due']) &&
  (value['missing'] === undefined || isTexts(value['missing'])) &&
  (value['org'] === undefined ||
    (isObject(value['org']) && isText(value['org']['id']) && isText(value['org']['slug'])));

const isActor: Check = (value) =>
  isObject(value) &&
  isText(value['sub']) &&
  ['sid', 'jti'].every((name) => value[name] === undefined || isText(value[name])) &&
  (value['act'] === undefined || isActor(value['act']));

const required: Readonly<Record<string, Check>> = {
  iss: isText,
  aud: isText,
  sub: isText,
  sid: isText,
  jti: isText,
  iat: isTime,
  nbf: isTime,
  exp: isTime,
  auth_time: isTime,
  amr: isTexts,
  idp: isText,
  client_id: isText,
  scope: isText,
  email_verified: isFlag,
};
const optional: Readonly<Record<string, Check>> = {
  sub_profile: isText,
  acr: isText,
  roles: isTexts,
  act: isActor,
  org: isOrg,
  second_factor: isFactor,
  idp_sub: isText,
  cnf: (value) => isObject(value) && isText(value['jkt']),
  email: isText,
  name: isText,
  picture: isText,
};

/** Whether a token's payload has the form of claims. */
export function isClaims(payload: Members): payload is Claims {
  return (
    Object.entries(required).every(([name, check]) => check(payload[name])) &&
    Object.entries(optional).every(([name, check]) => payload[name] === undefined || check(payload[name]))
  );
}
