import { mapEntries } from '../core/map-entries.js';
import type { DeclaredName } from '../features/declared-name.js';

/** One entry of the error catalogue: what all problems with this code share. */
export interface ProblemDefinition {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Short summary, the same at every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What a reader of docs/errors.md can do about it. */
  readonly remedy: string;
  /** The title on pages in other languages, by language tag, for a problem of a feature. */
  readonly titles?: Readonly<Record<string, string>>;
}

/**
 * Every error that the core answers with, by its stable `code`. `docs/errors.md` is generated from here and from the features' manifests.
 * A code is never reused for another meaning; statuses and titles may only be made more exact.
 */
export const problemCatalogue = {
  validation_failed: {
    status: 400,
    title: 'The request is not valid',
    remedy: 'See `errors`: each entry names a field and what is expected.',
  },
  malformed_request: {
    status: 400,
    title: 'The request could not be read',
    remedy:
      'Send well-formed HTTP and JSON; `detail`, where there is one, names the part that could not be read.',
  },
  identifier_refused: {
    status: 400,
    title: 'The e-mail address or name has a character that is not allowed',
    remedy:
      'Leave out blanks, control characters and invisible characters, such as a text that was copied may have, and in an address quotes, brackets and comments.',
  },
  unauthenticated: {
    status: 401,
    title: 'Log in first',
    remedy: 'Send a live session cookie or `Authorization: Bearer` with an augmented token.',
  },
  access_token_rejected: {
    status: 401,
    title: 'The access token was not accepted',
    remedy:
      'Use a live access token of an allowed client (`ALLOWED_CLIENT_IDS`) with the audience `TOKEN_AUDIENCE`, of a user who is still logged in at the provider.',
  },
  reauthentication_required: {
    status: 401,
    title: 'Log in again for this',
    remedy:
      'The session is live, but this needs a newer login or a second factor. Send the browser to the path in `loginUrl`, then repeat the request (RFC 9470).',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    remedy: 'The session is live, but its user may not do this.',
  },
  email_unverified: {
    status: 403,
    title: 'Verify your e-mail address first',
    remedy:
      'This is only for accounts with a verified e-mail address. Open `/ui/verification`, then repeat the request.',
  },
  account_mismatch: {
    status: 403,
    title: 'This belongs to another account',
    remedy:
      'A verification code works only while its own account is logged in. Log in to that account, or take it over at `/ui/recovery`.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The token or API key does not cover this',
    remedy:
      '`WWW-Authenticate` names the missing scope: request it at `POST /auth/token`, or create a key that has it.',
  },
  cross_site_request: {
    status: 403,
    title: 'Requests from other sites are refused',
    remedy: 'State-changing requests of browsers must come from this origin or one in `ALLOWED_ORIGINS`.',
  },
  login_state_invalid: {
    status: 403,
    title: 'This login was not started in this browser, is too old, or was used already',
    remedy:
      'Start again at `/auth/login`, on a host in `PROTECTED_HOSTS` at `/.vestibule/login`. Cookies must be enabled.',
  },
  signup_refused: {
    status: 403,
    title: 'A new account cannot be made here',
    remedy:
      '`SIGNUP` or `EMAIL_DOMAINS` does not allow it: sign-up is closed, needs an invite for this address, or accepts only addresses of other domains. Existing users can log in.',
  },
  login_refused: {
    status: 403,
    title: 'The login was refused',
    remedy: 'The provider refused the login, or its response did not match the request. Start again.',
  },
  clocks_differ: {
    status: 503,
    title: 'The clocks of this server and of the login provider differ',
    remedy:
      'A token that the provider has just issued has already expired according to this server’s clock. The operator must synchronise both clocks (NTP). Then start again.',
  },
  challenge_rejected: {
    status: 403,
    title: 'This step of the login does not belong to this browser',
    remedy: 'Start again at the application that sent you here.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    remedy: 'Check the path; `/docs` lists the routes.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This method is not allowed here',
    remedy: 'See the `Allow` header for the allowed methods.',
  },
  conflict: {
    status: 409,
    title: 'The request conflicts with the current state',
    remedy: '`detail` states what is in the way: choose another value, or change that first.',
  },
  owner_needed: {
    status: 409,
    title: 'An organisation needs an owner',
    remedy: 'Make another member an owner first, or delete the organisation.',
  },
  quota_reached: {
    status: 409,
    title: 'There can be no more of these now',
    remedy: '`detail` names the limit. Wait, or ask an administrator, for whom it does not hold.',
  },
  gone: {
    status: 410,
    title: 'This has been used, has expired or was withdrawn',
    remedy: 'Ask the person who gave it to you for a new one.',
  },
  precondition_failed: {
    status: 412,
    title: 'It has been changed meanwhile',
    remedy: 'Read it again, and send the change with the new `ETag` in `If-Match`.',
  },
  payload_too_large: {
    status: 413,
    title: 'The request body is too large',
    remedy: 'Bodies are limited to 64 KiB on most routes.',
  },
  uri_too_long: {
    status: 414,
    title: 'The address is too long',
    remedy:
      'The query of a request to Kratos or Hydra may have at most 2,048 characters. Shorten `state`, `return_to` or other parameters.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'This content type is not accepted here',
    remedy: 'Send `application/json`, or for forms `application/x-www-form-urlencoded`.',
  },
  wrong_host: {
    status: 421,
    title: 'This host name is not served here',
    remedy:
      'Use the origin of `PUBLIC_URL`, or for an application a host in `PROTECTED_HOSTS`; a proxy in front must pass the Host header on.',
  },
  claims_rejected: {
    status: 422,
    title: 'A claim cannot be put into the token',
    remedy:
      '`detail` names the claim. `CLAIMS_MAP` or the application’s ClaimsEnricher gives it a reserved name, or a value that is too large or of the wrong type.',
  },
  session_too_large: {
    status: 422,
    title: 'The session does not fit into a cookie',
    remedy: 'The claims of this user make the cookie larger than 4,096 bytes: map fewer or shorter claims.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many attempts',
    remedy:
      'Wait for the seconds in `Retry-After`; `RateLimit` names the limit. Live sessions continue. Operators can set `RATE_LIMIT_ALLOW` and `RATE_LIMIT_POLICIES`.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong here',
    remedy: 'Search the log for the `requestId`, and please report the error.',
  },
  provider_misconfigured: {
    status: 502,
    title: 'The login provider isn’t set up for this site',
    remedy:
      'Users can’t fix this. Operators: client id, client secret, issuer or redirect URI are not what the provider has registered, or it answers in a form that isn’t supported; `vestibule doctor` and the log name which.',
  },
  provider_unavailable: {
    status: 503,
    title: 'The login provider cannot be reached',
    remedy: 'Live sessions continue. Try again in a moment. Operators: see `/health/ready` and the log.',
  },
  database_unavailable: {
    status: 503,
    title: 'The database cannot be reached',
    remedy:
      'Live sessions continue until their token expires. Try again in a moment. Operators: see `/health/ready`.',
  },
  revocations_unknown: {
    status: 503,
    title: 'It is not known which sessions have been ended',
    remedy:
      'The list of ended sessions is older than `REVOCATION_MAX_STALENESS` because the database cannot be reached. Try again in a moment.',
  },
  overloaded: {
    status: 503,
    title: 'Too much is going on here',
    remedy:
      'Try again after the seconds in `Retry-After`. Operators: add replicas, or find what keeps this one busy; the limit is `MAX_EVENT_LOOP_DELAY`. For forms and pages of a login, too many requests from your network wait for Kratos or Hydra.',
  },
  not_ready: {
    status: 503,
    title: 'Not ready',
    remedy: 'A dependency is not available yet, or the process is shutting down; `/health/ready` names it.',
  },
} satisfies Record<string, ProblemDefinition>;

/** Stable identifier of an error, on which callers branch. */
export type ProblemCode = keyof typeof problemCatalogue;

/** Whether a code is one of the core's. */
export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemCatalogue, code);

/** Code of a problem that a feature declares. */
export type FeatureProblemCode = DeclaredName<'problem'>;

/** Whether a text can be the code of a feature's problem. */
export const isFeatureProblemCode = (code: string): code is FeatureProblemCode =>
  /^[\w:-]+$/.test(code) && !isProblemCode(code);

/** A problem that a feature adds, by a code that no other has: the feature's name, a colon, and its own name for it. */
export interface FeatureProblem extends ProblemDefinition {
  readonly code: FeatureProblemCode;
}

/** What all occurrences of a problem share, its code included. */
export interface NamedProblem extends ProblemDefinition {
  readonly code: ProblemCode | FeatureProblemCode;
}

/** A problem by its code in the catalogue, or a feature's. */
export type AnyProblem = ProblemCode | NamedProblem;

/** @returns what a problem is, by its code if it is in the catalogue. */
export function definitionOf(problem: AnyProblem): NamedProblem {
  return typeof problem === 'string' ? { code: problem, ...problemCatalogue[problem] } : problem;
}

/** All problems of a program: the core's, and then those of its features. */
export function problemsWith(
  features: readonly { readonly problems: Readonly<Record<string, FeatureProblem>> }[],
): readonly NamedProblem[] {
  return [
    ...Object.keys(problemCatalogue).filter(isProblemCode).map(definitionOf),
    ...features.flatMap(({ problems }) => Object.values(problems)),
  ];
}

/**
 * Declares the problems of a feature: `const noteProblems = defineProblems('notes', { plan_full: { status: 409, … } })`, then
 * `new Problem(noteProblems.plan_full)`, whose `code` is `notes:plan_full`. The feature's manifest names them as `problems`.
 */
export function defineProblems<Name extends string>(
  feature: string,
  definitions: Readonly<Record<Name, ProblemDefinition>>,
): Readonly<Record<Name, FeatureProblem>> {
  return mapEntries(definitions, (name, definition) => featureProblem(`${feature}:${name}`, definition));
}

/** Declares problems of a feature whose codes are as they were before it had a manifest: they begin with one of its `prefixes`. */
export function releasedProblems<Name extends string>(
  definitions: Readonly<Record<Name, ProblemDefinition>>,
): Readonly<Record<Name, FeatureProblem>> {
  return mapEntries(definitions, featureProblem);
}

function featureProblem(code: string, definition: ProblemDefinition): FeatureProblem {
  if (!isFeatureProblemCode(code)) {
    throw new TypeError(`${code} cannot be the code of a feature's problem`);
  }
  return { ...definition, code };
}
