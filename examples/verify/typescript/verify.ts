import { createRemoteJWKSet, jwtVerify } from 'jose';

/** What a service must know of the gateway. */
export interface GatewaySettings {
  /** The gateway's `PUBLIC_URL`. */
  readonly issuer: string;
  /** The gateway's `TOKEN_AUDIENCE`. */
  readonly audience: string;
  /** Least time between two readings of the keys, in milliseconds: what strangers make up must not become traffic. */
  readonly cooldown?: number;
}

/** Who calls. */
export interface Caller {
  readonly sub: string;
  readonly scope: string;
  readonly roles: readonly string[];
}

/**
 * Makes a function that verifies the bearer which the gateway, or a proxy that has asked it, sends along.
 * It throws for anything that isn't a live token of this gateway for this audience.
 */
export function tokenVerifier({ issuer, audience, cooldown = 30_000 }: GatewaySettings) {
  // Read once, kept for ten minutes, and read anew when a token names a key that isn't known.
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    cacheMaxAge: 600_000,
    cooldownDuration: cooldown,
    timeoutDuration: 3000,
  });
  return async (token: string): Promise<Caller> => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience,
      typ: 'at+jwt',
      algorithms: ['ES256', 'EdDSA'],
      requiredClaims: ['exp', 'sub', 'scope'],
      clockTolerance: 30,
    });
    const { sub, scope, roles } = payload;
    if (sub === undefined || typeof scope !== 'string') {
      throw new TypeError('a claim has another type');
    }
    return { sub, scope, roles: Array.isArray(roles) ? roles.map(String) : [] };
  };
}
