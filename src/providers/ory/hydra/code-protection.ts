import { createHash } from 'node:crypto';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { withoutAddedState } from './added-state.js';
import { applicationOf } from './hydra-applications.js';

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
export function standInChallenge(clientId: string): string {
  return digest(standInVerifier(clientId));
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

/**
 * Why an authorization request isn't protected as its client must protect it; undefined if it is.
 * @param client as Hydra has it. @param asked its parameters.
 */
export function protectionFault(
  client: unknown,
  asked: URLSearchParams,
): 'pkce_missing' | 'pkce_method' | 'nonce_missing' | 'nonce_short' | undefined {
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
  const application = applicationOf(client);
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
