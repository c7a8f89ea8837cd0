import { type JWTPayload, errors, jwtVerify } from 'jose';
import { AuthError } from './auth.error.js';
import { type Claims, type User, isClaims, userOf } from './claims.js';
import { KeySet } from './key.set.js';
import { type Requirement, authorize, checkRequirement } from './requirement.js';
import { type RevocationOptions, Revocations } from './revocations.js';
import { TokenMemory } from './token.memory.js';

/** What a service knows of the gateway whose tokens it accepts. */
export interface VerifierOptions {
  /** The gateway's `PUBLIC_URL`. */
  readonly issuer: string;
  /** The gateway's `TOKEN_AUDIENCE`; unless it is set there, `PUBLIC_URL` too. */
  readonly audience: string;
  /** Where the keys are read. Default: `/.well-known/jwks.json` of the issuer. */
  readonly jwksUri?: string;
  /** Least seconds between two readings of the keys because of unknown key ids. Default: 30. */
  readonly cooldown?: number;
  /** Seconds by which this clock and the gateway's may differ, at most 60. Default: 30. */
  readonly clockTolerance?: number;
  /** How many verified tokens are remembered, so that they aren't verified again. Default: 10,000. */
  readonly remembered?: number;
  /** Refuses tokens whose session has ended, whose user was changed or whose key was revoked, within a second. */
  readonly revocations?: RevocationOptions;
  /** Is told of each refusal, for your log: `error.reason` states why. */
  readonly onRefused?: (error: AuthError) => void;
  /** Fetches the keys. Default: the runtime's own. */
  readonly fetch?: typeof fetch;
}

/** Values of the header `Authorization` of one request: more than one is refused. */
export type Authorization = string | readonly string[] | null | undefined;

/** Who calls. */
export interface Caller {
  readonly user: User;
  readonly claims: Claims;
}

/** Verifies the tokens of one gateway. Make one and keep it: it holds the keys. */
export interface Verifier {
  /**
   * The claims of a live token that meets the requirement.
   * @throws {AuthError} which is the answer to the request.
   */
  verify(token: string, requirement?: Requirement): Promise<Claims>;
  /**
   * The caller of a request with this `Authorization` header, or with these.
   * @throws {AuthError} which is the answer to the request.
   */
  authenticate(authorization: Authorization, requirement?: Requirement): Promise<Caller>;
  /**
   * Wraps a handler of the Fetch API, as edge runtimes and Next.js' route handlers have them. It is called only for callers who meet the
   * requirement; others are answered at once.
   */
  protect<Rest extends readonly unknown[]>(
    handler: (request: Request, caller: Caller, ...rest: Rest) => Response | Promise<Response>,
    requirement?: Requirement,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** Ends the connection over which revocations come, if there is one. */
  close(): void;
}

const maximumLength = 8192;
/** Stands for credentials of another form. */
const noToken = '.';
const scheme = 'bearer ';

/** Makes a verifier. Nothing is fetched before the first token. @throws {TypeError} for options that can't be. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new GatewayVerifier(options);
}

class GatewayVerifier implements Verifier {
  readonly #issuer: string;
  readonly #audience: string;
  readonly #clockTolerance: number;
  readonly #onRefused: ((error: AuthError) => void) | undefined;
  readonly #keys: KeySet;
  readonly #memory: TokenMemory;
  readonly #revocations: Revocations | undefined;

  constructor(options: VerifierOptions) {
    requireKnown(options);
    const { cooldown = 30, clockTolerance = 30, remembered = 10_000 } = options;
    this.#issuer = originOf(options.issuer);
    this.#audience = options.audience;
    if (typeof this.#audience !== 'string' || this.#audience === '') {
      throw new TypeError("audience: set the gateway's TOKEN_AUDIENCE, or its PUBLIC_URL if that isn't set");
    }
    this.#clockTolerance = within('clockTolerance', clockTolerance, 60);
    this.#onRefused = options.onRefused;
    const uri = new URL(options.jwksUri ?? '/.well-known/jwks.json', this.#issuer);
    const doFetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#keys = new KeySet({ uri: uri.href, cooldown: within('cooldown', cooldown, 3600), fetch: doFetch });
    this.#revocations =
      options.revocations &&
      new Revocations({
        ...checkRevocations(options.revocations),
        issuer: this.#issuer,
        audience: this.#audience,
        // Where the keys are read, the stream is too.
        uri: new URL('/auth/revocations/stream', uri).href,
        fetch: doFetch,
        findKey: (header) => this.#keys.find(header),
      });
    this.#memory = new TokenMemory(within('remembered', remembered, 10_000_000));
  }

  async verify(given: string, requirement: Requirement = {}): Promise<Claims> {
    checkRequirement(requirement);
    const token = typeof given === 'string' ? given : noToken;
    try {
      const claims = this.#recall(token) ?? (await this.#check(token));
      if (this.#revocations !== undefined) {
        await this.#revocations.ready();
        const reason = this.#revocations.reasonAgainst(claims);
        if (reason !== undefined) {
          throw this.#unauthenticated(reason);
        }
      }
      authorize(claims, requirement, seconds(), this.#issuer);
      return claims;
    } catch (error) {
      if (error instanceof AuthError) {
        this.#onRefused?.(error);
      }
      throw error;
    }
  }

  async authenticate(authorization: Authorization, requirement: Requirement = {}): Promise<Caller> {
    const claims = await this.verify(tokenIn(authorization), requirement);
    return { user: userOf(claims), claims };
  }

  protect<Rest extends readonly unknown[]>(
    handler: (request: Request, caller: Caller, ...rest: Rest) => Response | Promise<Response>,
    given: Requirement = {},
  ): (request: Request, ...rest: Rest) => Promise<Response> {
    const requirement = checkRequirement(given);
    return async (request, ...rest) => {
      let caller;
      try {
        caller = await this.authenticate(request.headers.get('authorization'), requirement);
      } catch (error) {
        if (error instanceof AuthError) {
          return error.toResponse();
        }
        throw error;
      }
      return handler(request, caller, ...rest);
    };
  }

  close(): void {
    this.#revocations?.close();
  }

  /** The claims of a token that was verified before, if it hasn't expired and its key hasn't been withdrawn. */
  #recall(token: string): Claims | undefined {
    const known = this.#memory.find(token);
    if (known === undefined) {
      return undefined;
    }
    if (seconds() < known.claims.exp + this.#clockTolerance && this.#keys.has(known.kid)) {
      return known.claims;
    }
    this.#memory.delete(token);
    return undefined;
  }

  async #check(token: string): Promise<Claims> {
    if (token === '' || token.length > maximumLength) {
      throw this.#unauthenticated(token === '' ? 'token_missing' : 'token_malformed');
    }
    const { payload, kid } = await this.#verifySignature(token);
    if (!isClaims(payload) || payload.aud !== this.#audience) {
      throw this.#unauthenticated('token_claims');
    }
    // Every request with this token gets these.
    const claims = freeze(payload);
    this.#memory.add(token, { claims, kid });
    return claims;
  }

  async #verifySignature(token: string): Promise<{ payload: JWTPayload; kid: string }> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, (header) => this.#keys.find(header), {
        issuer: this.#issuer,
        audience: this.#audience,
        typ: 'at+jwt',
        algorithms: ['ES256', 'EdDSA'],
        requiredClaims: ['exp'],
        clockTolerance: this.#clockTolerance,
      });
      return { payload, kid: protectedHeader.kid ?? '' };
    } catch (error) {
      if (error instanceof AuthError && error.status === 503) {
        throw error;
      }
      throw this.#unauthenticated(reasonOf(error), withoutClaims(error));
    }
  }

  #unauthenticated(reason: string, cause?: unknown): AuthError {
    return new AuthError('unauthenticated', {
      reason,
      headers: { 'www-authenticate': reason === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"' },
      loginUrl: `${this.#issuer}/auth/login`,
      cause,
    });
  }
}

/** The token of an `Authorization` header: empty without one. */
function tokenIn(sent: Authorization): string {
  const authorization = typeof sent === 'object' && sent?.length === 1 ? sent[0] : sent;
  if (!authorization?.length) {
    return '';
  }
  if (typeof authorization !== 'string') {
    return noToken;
  }
  const isBearer = authorization.slice(0, scheme.length).toLowerCase() === scheme;
  return (isBearer && authorization.slice(scheme.length).trim()) || noToken;
}

/** The same value, in which nothing can be changed. */
function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}

/** What a library reported; its own errors have the claims, which are no business of a log. */
function withoutClaims(error: unknown): unknown {
  return error instanceof errors.JOSEError ? new Error(`${error.code}: ${error.message}`) : error;
}

function reasonOf(error: unknown): string {
  if (error instanceof AuthError) {
    return error.reason;
  }
  if (error instanceof errors.JWTExpired) {
    return 'token_expired';
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `token_claim_${error.claim}`;
  }
  return error instanceof errors.JWSSignatureVerificationFailed ? 'token_signature' : 'token_malformed';
}

/** The origin of an issuer: a slash at its end is not an issuer of its own. @throws {TypeError} for what isn't an origin. */
function originOf(issuer: string): string {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    !['', url.origin, `${url.origin}/`].includes(url.href)
  ) {
    throw new TypeError("issuer: set the gateway's PUBLIC_URL, for example https://auth.example.org");
  }
  return url.origin;
}

/** @throws {TypeError} for options that can't be. */
function checkRevocations(options: RevocationOptions): RevocationOptions {
  const { key, whenLost = 'accept', lostAfter = 15 } = options;
  if (
    typeof key !== 'string' ||
    key === '' ||
    !['accept', 'refuse'].includes(whenLost) ||
    !(lostAfter >= 10)
  ) {
    throw new TypeError(
      'revocations: set an API key, whenLost to "accept" or "refuse", and lostAfter to 10 or more',
    );
  }
  return options;
}

const optionNames = new Set([
  'issuer',
  'audience',
  'jwksUri',
  'cooldown',
  'clockTolerance',
  'remembered',
  'revocations',
  'onRefused',
  'fetch',
] satisfies (keyof VerifierOptions)[]);

/** @throws {TypeError} for an option that doesn't exist. */
function requireKnown(options: VerifierOptions): void {
  const names: ReadonlySet<string> = optionNames;
  const unknown = Object.keys(options ?? {}).find((name) => !names.has(name));
  if (unknown !== undefined || !options) {
    throw new TypeError(
      `${unknown === undefined ? 'there are no options' : `there is no option "${unknown}"`}: set ${[...names].join(', ')}`,
    );
  }
}

function within(name: string, value: number, most: number): number {
  if (!Number.isFinite(value) || value < 0 || value > most) {
    throw new TypeError(`${name}: set a number from 0 to ${most}`);
  }
  return value;
}

/** Seconds since the epoch. */
function seconds(): number {
  return Date.now() / 1000;
}
