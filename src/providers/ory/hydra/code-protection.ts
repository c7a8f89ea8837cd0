import { createHash } from 'node:crypto';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { withoutAddedState } from './added-state.js';
import type { Application } from '../../../auth-strategy/application-administration.js';

/** Bytes of the shortest nonce for which Hydra gives an ID token. */
const shortestNonce = 8;

/**
 * The verifier of a code whose program sends none. It's no secret, and protects nothing: Hydra requires PKCE of every login, so the gateway
 * answers for such a program, which authenticates by its own secret. A verifier that a program sends is checked all the same.
 */
export function standInVerifier(clientId: string): string {
  return digest(`vestibule sends no verifier for ${clientId}`);
}

/** The challenge of {@link standInVerifier}, by S256 (RFC 7636 section 4.2). */
function standInChallenge(clientId: string): string {
  return digest(standInVerifier(clientId));
}

/** The parameters with which an authorization request without a challenge goes to Hydra. */
export function standInFor(clientId: string): Readonly<Record<string, string>> {
  return { code_challenge: standInChallenge(clientId), code_challenge_method: 'S256' };
}

/** Whether an authorization request has no challenge of its client. @param asked its parameters. */
export function isStandIn(asked: URLSearchParams): boolean {
  return asked.get('code_challenge') === standInChallenge(asked.get('client_id') ?? '');
}

/** An authorization request as its client sent it. @param query as Hydra got it. */
export function asSent(query: string): string {
  const isOwn = (pair: string): boolean => /^code_challenge(?:_method)?=/.test(pair);
  const pairs = query.split('&');
  const own = isStandIn(new URLSearchParams(query)) ? pairs.filter((pair) => !isOwn(pair)) : pairs;
  return withoutAddedState(own.join('&'));
}

/** What an application is told whose authorization request isn't protected, in ASCII (RFC 6749 section 4.1.2.1). */
export const protectionRefusals = {
  pkce_missing: {
    error: 'invalid_request',
    error_description:
      'PKCE is required: send code_challenge with code_challenge_method=S256, or have an administrator choose otherwise for this application.',
  },
  pkce_method: { error: 'invalid_request', error_description: 'code_challenge_method must be S256.' },
  nonce_short: { error: 'invalid_request', error_description: 'nonce must have at least 8 characters.' },
  nonce_missing: {
    error: 'invalid_request',
    error_description: 'Send PKCE, or the scope openid with a new nonce for each login.',
  },
} as const;

/**
 * Why an authorization request isn't protected as its client must protect it; undefined if it is.
 * @param application that it is of, if it is one. @param asked its parameters.
 */
export function protectionFault(
  application: Application | undefined,
  asked: URLSearchParams,
): keyof typeof protectionRefusals | undefined {
  const isOpenId = scopeTokens(asked.get('scope') ?? '').includes('openid');
  const nonce = asked.get('nonce') ?? '';
  if ((asked.get('code_challenge') ?? '') === '') {
    return 'pkce_missing';
  }
  if (asked.get('code_challenge_method') !== 'S256') {
    return 'pkce_method';
  }
  if (isOpenId && nonce !== '' && Buffer.byteLength(nonce) < shortestNonce) {
    return 'nonce_short';
  }
  if (!isStandIn(asked)) {
    return undefined;
  }
  const hasSecret = application !== undefined && application.tokenEndpointAuthMethod !== 'none';
  const protection = hasSecret ? application.codeProtection : 'pkce';
  if (protection !== 'nonce') {
    return protection === 'none' ? undefined : 'pkce_missing';
  }
  return isOpenId && nonce !== '' ? undefined : 'nonce_missing';
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
