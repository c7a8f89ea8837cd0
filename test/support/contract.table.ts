import { type ProviderName, providerNames } from './provider.driver.js';

/** One behaviour that the suite checks for every provider. */
export interface ContractRow {
  /** test/contract/strategy/<spec>.spec.ts */
  readonly spec: string;
  /** What is otherwise by design, and checked as such. */
  readonly differs?: Readonly<Partial<Record<ProviderName, string>>>;
  /** Milliseconds that it may take. Default: as every test. */
  readonly limit?: number;
  /** Ids of test/cases/case.catalogue.ts that it shows for every provider. */
  readonly cases?: readonly string[];
}

const neverOvertaken = 'logins of one browser never overtake each other';
const opaque = 'access tokens are opaque: a JWT is refused and no key is fetched for it';

/** The strategy contract: what holds whichever provider is configured. docs/internals/provider-contract.md shows it. */
export const contractRows = {
  'a login by browser ends where return_to says': { spec: 'browser-login' },
  'a sign-up reaches the form for new accounts': { spec: 'browser-login' },
  'the session and /api/v1/me have the same fields': { spec: 'browser-login' },
  'the claims have the same names and types': { spec: 'browser-login' },
  'people who log in at the same time get their own session each': {
    spec: 'browser-login',
    cases: ['L15'],
    // 200 people, their provider and the gateway share one process: five to ten seconds of a core, on a busy machine a minute.
    limit: 120_000,
  },
  'a session that was planted before the login is replaced and dead': {
    spec: 'browser-login',
    cases: ['L16'],
  },
  'a login that was given up at the provider is a 403 page': { spec: 'browser-login', cases: ['W12'] },
  'of the parameters of /auth/login only hints reach the provider': { spec: 'browser-login' },
  'CLAIMS_MAP copies from the profile, within the granted scopes': { spec: 'browser-login' },

  'somebody who is disabled is told so, and gets no session': { spec: 'browser-login' },

  'a login with an invite ends at the page that names it, and makes a member by its button alone': {
    spec: 'invites',
  },
  'a sign-up with an invite ends at the same page': { spec: 'invites' },
  'a login with an invite that cannot be accepted ends at a page that says why': { spec: 'invites' },
  'POST /auth/login with an invite: refused with a bad one, a member with a good one': { spec: 'invites' },
  'a login with a verified address of an organisation’s domain ends as its member': { spec: 'invites' },
  'no link accepts an invite, wherever it is followed from': { spec: 'invites', cases: ['L22'] },
  'a login that begins anew keeps its invite and where it returns to': {
    spec: 'invites',
    differs: { auth0: neverOvertaken, oidc: neverOvertaken },
  },

  'POST /auth/login takes a live access token of an allowed client': { spec: 'access-token' },
  'POST /auth/token makes a bearer of the same access token': { spec: 'access-token' },
  'an access token of a foreign client is refused': { spec: 'access-token', cases: ['L11'] },
  'an access token that a client got for itself is refused': { spec: 'access-token', cases: ['L12'] },
  'an access token for another audience is refused': { spec: 'access-token', cases: ['T10'] },
  'an expired access token is refused': { spec: 'access-token', cases: ['T10'] },
  'garbage for an access token is refused': { spec: 'access-token' },
  'a forged JWT for an access token is refused': { spec: 'access-token', cases: ['T01'] },
  'an ID token for an access token is refused': { spec: 'access-token', cases: ['T11'] },
  '300 access tokens with unknown key ids cause one key fetch at most': {
    spec: 'access-token',
    cases: ['T06'],
    differs: { ory: opaque },
  },

  'an answer without state is refused': { spec: 'login-answer', cases: ['L05'] },
  'an answer with an unknown state is refused': { spec: 'login-answer', cases: ['L05'] },
  'an answer that was taken once is refused': { spec: 'login-answer', cases: ['L05'] },
  'an answer that another browser brings is refused': { spec: 'login-answer', cases: ['L05'] },
  'an answer with another issuer in it is refused': { spec: 'login-answer', cases: ['L06'] },
  'an answer without the issuer is refused': {
    spec: 'login-answer',
    cases: ['L06'],
    differs: { ory: 'replicas before 0.4.0 send no `iss`', auth0: 'Auth0 sends no `iss`' },
  },
  'a code that was used is refused': { spec: 'login-answer', cases: ['L07'] },
  'a code that somebody else obtained is refused': { spec: 'login-answer', cases: ['L07'] },

  'an unsigned ID token is refused': { spec: 'id-token' },
  'an ID token of another audience is refused': { spec: 'id-token' },
  'an ID token with a bad signature is refused': { spec: 'id-token' },
  'an ID token with an unknown key id is refused': { spec: 'id-token' },
  'a person other than the ID token’s is refused': { spec: 'id-token' },

  'a login that began before a rotation ends after it': { spec: 'extended/undisturbed/key-rotation' },
  'a provider that rotates its keys under a load of logins refuses nobody': {
    spec: 'extended/undisturbed/key-rotation',
    limit: 180_000,
  },
  'an application’s tokens are taken at once when the provider has rotated its keys': {
    spec: 'extended/undisturbed/key-rotation',
  },

  'a slow provider: logins end with 503 within 3 seconds, sessions go on': {
    spec: 'provider-faults',
    cases: ['F02'],
  },
  'a provider that is down: logins end with 503, sessions go on': { spec: 'provider-faults' },
  'a provider that answers HTML: no session and no 500': { spec: 'provider-faults', cases: ['L13'] },
  'a provider that is down at the start: degraded, and recovers by itself': { spec: 'provider-faults' },

  'a login with max_age=0 asks for credentials again, and the session is as new as they are': {
    spec: 'step-up',
  },
  'a login with max_age that is met asks nothing': { spec: 'step-up' },
  'a login that asks nothing is as old as the credentials that the provider remembers': { spec: 'step-up' },
  'a login with an access token that an app brings is no newer than the token': { spec: 'step-up' },
  'a provider that ignores max_age is refused': { spec: 'step-up' },
  'a second factor that was asked for is in the session': {
    spec: 'step-up',
    differs: { ory: 'Kratos asks for the code of the app that the person set up' },
  },
  'a provider that ignores acr_values=aal2 is refused': {
    spec: 'step-up',
    differs: { ory: 'a person without a second factor is led to set one up' },
  },

  'a logout ends the session here': { spec: 'logout' },
  'a logout ends the provider’s session: the next login asks again': {
    spec: 'logout',
    differs: { ory: 'the gateway ends Kratos’ session by itself: there is no page to go on to' },
  },

  'a user who is disabled at the provider, which sends no logout, is out at the next renewal': {
    spec: 'logout',
    cases: ['L32'],
  },

  'after a move from another provider its sessions are over': { spec: 'moving', cases: ['L14'] },
  'after a move from another provider its answers are refused': { spec: 'moving', cases: ['L05'] },
  'after a move the same e-mail is another user, unless linking is on': { spec: 'moving' },
  'after a move an e-mail that is not verified on both sides never links': { spec: 'moving', cases: ['L20'] },
  'after a move with linking on a verified e-mail keeps its user, audited': { spec: 'moving' },
} as const satisfies Readonly<Record<string, ContractRow>>;

/** Name of a behaviour. */
export type RowTitle = keyof typeof contractRows;

/** The row of this name. */
export function rowOf(title: RowTitle): ContractRow {
  return contractRows[title];
}

/** All names, in order. */
export const rowTitles: readonly RowTitle[] = Object.keys(contractRows).filter(isRowTitle);

/** The table of docs/internals/provider-contract.md, not yet laid out. */
export function renderContractTable(): string {
  const names = { ory: 'Ory', auth0: 'Auth0', oidc: 'OpenID' };
  const header = ['Behaviour', ...providerNames.map((name) => names[name]), 'Test'];
  const rows = rowTitles.map((title) => {
    const { spec, differs } = rowOf(title);
    const cells = providerNames.map((name) => differs?.[name] ?? '✓');
    return [title, ...cells, `[${spec}](../../test/contract/strategy/${spec}.spec.ts)`];
  });
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function isRowTitle(text: string): text is RowTitle {
  return text in contractRows;
}
