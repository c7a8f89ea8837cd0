import { type JWTPayload, errors, jwtVerify } from 'jose';
import { apiKeyId, isLikeApiKey } from './api.key.js';
import { ApiKeyTokens } from './api.key.tokens.js';
import { AuthError } from './auth.error.js';
import { type Claims, type User, isClaims, userOf } from './claims.js';
import { DpopProofs, ProofError, proofAlgorithms } from './dpop.proofs.js';
import { KeySet } from './key.set.js';
import {
  type IncomingRequest,
  bearerIn,
  boundTokenIn,
  credentialHeadersOf,
  noToken,
  provenRequestOf,
} from './request.credential.js';
import { type ResourceOptions, protectedResource, resourceUrl } from './protected.resource.js';
import { type Requirement, authorize, checkRequirement } from './requirement.js';
import { type RevocationOptions, Revocations } from './revocations.js';
import { TokenMemory } from './token.memory.js';

/** What a service knows of the gateway whose tokens it accepts. */
export interface VerifierOptions {
  /** The gateway's `PUBLIC_URL`. */
  readonly issuer: string;
  /** The gateway's `TOKEN_AUDIENCE`; unless it is set there, `PUBLIC_URL` too. Left out with {@link VerifierOptions.resource}. */
  readonly audience?: string;
  /**
   * Takes tokens for this resource alone, such as an MCP server, in place of `audience`: its URL as it stands in the gateway's
   * `PROTECTED_RESOURCES`. Refusals then tell clients where its metadata is (RFC 9728), which {@link protectedResource} makes.
   */
  readonly resource?: string | ResourceOptions;
  /** Where the keys are read. Default: `/.well-known/jwks.json` of the issuer. */
  readonly jwksUri?: string;
  /**
   * Seconds in which unknown key ids cause two readings of the keys at most, and least seconds between two exchanges of an API key that the
   * gateway refused. Default: 30.
   */
  readonly cooldown?: number;
  /** Seconds by which this clock and the gateway's may differ, at most 60. Default: 30. */
  readonly clockTolerance?: number;
  /** How many verified tokens, and tokens of API keys, are remembered. Default: 10,000. */
  readonly remembered?: number;
  /** Takes API keys too, in `X-API-Key` or as a bearer: each is exchanged for a token at the gateway, which is kept. Default: false. */
  readonly apiKeys?: boolean;
  /**
   * Takes tokens that are bound to a key too, with a proof for each request (DPoP, RFC 9449): the URL under which clients reach this service,
   * `https://api.example.org`. Without it they are refused. The gateway issues such tokens for the audiences of its `DPOP_AUDIENCES`.
   */
  readonly dpop?: string;
  /** Refuses tokens whose session has ended, whose user was changed or whose key was revoked, within a second. */
  readonly revocations?: RevocationOptions;
  /** Is told of each refusal, for your log: `error.reason` states why. */
  readonly onRefused?: (error: AuthError) => void;
  /** Asks the gateway. Default: the runtime's own. */
  readonly fetch?: typeof fetch;
}

/** Who calls. */
export interface Caller {
  readonly user: User;
  readonly claims: Claims;
}

/** Verifies the tokens of one gateway. Make one and keep it: it holds the keys. */
export interface Verifier {
  /**
   * The claims of a live token that meets the requirement. One that is bound to a key needs its request: `authenticate` takes it.
   * @throws {AuthError} which is the answer to the request.
   */
  verify(token: string, requirement?: Requirement): Promise<Claims>;
  /**
   * The caller of a request: by its bearer token or, if they are taken, its API key or its token with a proof.
   * @throws {AuthError} which is the answer to the request.
   */
  authenticate(request: IncomingRequest, requirement?: Requirement): Promise<Caller>;
  /**
   * The caller of a request, if a token that was verified before admits them: what `authenticate` comes to, without waiting. Undefined if
   * there is something to wait for or to refuse, which `authenticate` then does.
   */
  recall(request: IncomingRequest, requirement?: Requirement): Caller | undefined;
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
/** Three segments in base64url, each in its one spelling (RFC 7515 section 2): without padding, and no bits behind the last byte. */
const compactForm = /^(?:(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048]|[\w-]{4})(?:\.(?!$)|$)){3}$/;
const noRequirement = checkRequirement({});

/** Makes a verifier. Nothing is fetched before the first token. @throws {TypeError} for options that can't be. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new GatewayVerifier(options);
}

class GatewayVerifier implements Verifier {
  readonly #issuer: string;
  readonly #audience: string;
  readonly #metadataUrl: string | undefined;
  readonly #clockTolerance: number;
  readonly #onRefused: ((error: AuthError) => void) | undefined;
  readonly #keys: KeySet;
  readonly #memory: TokenMemory;
  readonly #revocations: Revocations | undefined;
  readonly #apiKeyTokens: ApiKeyTokens | undefined;
  readonly #proofs: DpopProofs | undefined;
  /** Requests whose proof was verified, with their token: several guards may ask about one. */
  readonly #proven = new WeakMap<IncomingRequest, string>();

  constructor(options: VerifierOptions) {
    requireKnown(options);
    const { clockTolerance = 30, apiKeys = false, dpop } = options;
    const cooldown = within('cooldown', options.cooldown ?? 30, 3600);
    const remembered = within('remembered', options.remembered ?? 10_000, 10_000_000);
    this.#issuer = originOf(options.issuer);
    this.#audience = audienceOf(options);
    this.#metadataUrl = options.resource === undefined ? undefined : protectedResource(options).metadataUrl;
    this.#clockTolerance = within('clockTolerance', clockTolerance, 60);
    this.#onRefused = options.onRefused;
    const uri = new URL(options.jwksUri ?? '/.well-known/jwks.json', this.#issuer);
    const doFetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#keys = new KeySet({ uri: uri.href, cooldown, fetch: doFetch });
    this.#revocations =
      options.revocations &&
      new Revocations({
        ...checkRevocations(options.revocations),
        issuer: this.#issuer,
        clockTolerance: this.#clockTolerance,
        // Where the keys are read, the stream is too.
        uri: new URL('/auth/revocations/stream', uri).href,
        fetch: doFetch,
        findKey: (header) => this.#keys.find(header),
      });
    this.#proofs = dpop === undefined ? undefined : new DpopProofs(dpop);
    this.#memory = new TokenMemory(remembered);
    if (typeof apiKeys !== 'boolean') {
      throw new TypeError('apiKeys: set true or false');
    }
    this.#apiKeyTokens = apiKeys
      ? new ApiKeyTokens({ uri: new URL('/auth/token', uri).href, cooldown, remembered, fetch: doFetch })
      : undefined;
  }

  async verify(given: string, requirement: Requirement = noRequirement): Promise<Claims> {
    const token = typeof given === 'string' ? given : noToken;
    return this.#admit(requirement, async () => this.#liveBearer(token));
  }

  async authenticate(request: IncomingRequest, requirement: Requirement = noRequirement): Promise<Caller> {
    const claims = await this.#admit(requirement, async () => this.#liveOf(request));
    return { user: userOf(claims), claims };
  }

  recall(request: IncomingRequest, given: Requirement = noRequirement): Caller | undefined {
    const requirement = checkRequirement(given);
    const { authorization, apiKey } = credentialHeadersOf(request);
    const hasKey = apiKey !== undefined && this.#apiKeyTokens !== undefined;
    // One reading of the clock, which costs as much as the rest where the system emulates it.
    const now = seconds();
    const claims = hasKey ? undefined : this.#find(bearerIn(authorization), now);
    if (claims === undefined || claims.cnf !== undefined) {
      return undefined;
    }
    try {
      if (this.#revocations?.isHeard === false || this.#revocations?.reasonAgainst(claims) !== undefined) {
        return undefined;
      }
      authorize(claims, requirement, now, this.#issuer);
      return { user: userOf(claims), claims };
    } catch (error) {
      if (error instanceof AuthError) {
        return undefined;
      }
      throw error;
    }
  }

  protect<Rest extends readonly unknown[]>(
    handler: (request: Request, caller: Caller, ...rest: Rest) => Response | Promise<Response>,
    given: Requirement = noRequirement,
  ): (request: Request, ...rest: Rest) => Promise<Response> {
    const requirement = checkRequirement(given);
    return async (request, ...rest) => {
      let caller;
      try {
        caller = await this.authenticate(request, requirement);
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

  /** The claims that `find` comes to, if they meet the requirement. */
  async #admit(given: Requirement, find: () => Promise<Claims>): Promise<Claims> {
    const requirement = checkRequirement(given);
    try {
      const claims = await find();
      authorize(claims, requirement, seconds(), this.#issuer);
      return claims;
    } catch (error) {
      if (!(error instanceof AuthError)) {
        throw error;
      }
      const refusal =
        this.#metadataUrl === undefined ? error : withMetadata(error, this.#metadataUrl, requirement);
      this.#onRefused?.(refusal);
      throw refusal;
    }
  }

  /** The claims of a request's live token, or of its API key. */
  async #liveOf(request: IncomingRequest): Promise<Claims> {
    const { authorization, apiKey } = credentialHeadersOf(request);
    const tokens = this.#apiKeyTokens;
    if (tokens === undefined || apiKey === undefined) {
      const bound = this.#proofs && boundTokenIn(authorization);
      if (bound !== undefined) {
        return this.#liveBound(bound, request);
      }
      const token = bearerIn(authorization);
      return tokens !== undefined && isLikeApiKey(token)
        ? this.#liveOfKey(token, tokens)
        : this.#liveBearer(token);
    }
    if (authorization !== undefined || typeof apiKey !== 'string') {
      throw new AuthError('malformed_request', {
        reason: 'two_credentials',
        detail: 'Send one credential: Authorization or X-API-Key.',
      });
    }
    return this.#liveOfKey(apiKey, tokens);
  }

  /** The claims of an API key. If its token isn't accepted any more, because its user was changed for example, it is exchanged once more. */
  async #liveOfKey(key: string, tokens: ApiKeyTokens): Promise<Claims> {
    const id = apiKeyId(key);
    if (id === undefined) {
      throw this.#unauthenticated('api_key_malformed');
    }
    let outdated: string | undefined;
    for (;;) {
      if (this.#revocations?.hasEnded(id) === true) {
        throw this.#unauthenticated('session_ended');
      }
      const found = await tokens.find(key, outdated);
      if (found.token === undefined) {
        throw this.#unauthenticated(found.reason);
      }
      try {
        return await this.#liveBearer(found.token);
      } catch (error) {
        if (!(error instanceof AuthError) || error.code !== 'unauthenticated') {
          throw error;
        }
        if (found.isNew && outdated !== undefined) {
          await tokens.refuse(key, error.reason);
          throw error;
        }
        outdated = found.token;
      }
    }
  }

  /** The same of a token that is good by itself. */
  async #liveBearer(token: string): Promise<Claims> {
    const claims = await this.#live(token);
    if (claims.cnf !== undefined) {
      throw this.#unproven('proof_missing');
    }
    return claims;
  }

  /** The same of a token that is bound to a key, with the proof of its request. */
  async #liveBound(token: string, request: IncomingRequest): Promise<Claims> {
    const claims = await this.#live(token);
    if (claims.cnf === undefined) {
      throw this.#unproven('token_not_bound');
    }
    try {
      if (this.#proven.get(request) !== token) {
        await this.#proofs?.require(provenRequestOf(request), token, claims.cnf.jkt, seconds());
        this.#proven.set(request, token);
      }
      return claims;
    } catch (error) {
      throw error instanceof ProofError ? this.#unproven(error.reason) : error;
    }
  }

  /** The claims of a token that is live, as far as this service knows. */
  async #live(token: string): Promise<Claims> {
    const claims = this.#find(token, seconds()) ?? (await this.#check(token));
    if (this.#revocations !== undefined) {
      await this.#revocations.ready();
      const reason = this.#revocations.reasonAgainst(claims);
      if (reason !== undefined) {
        throw this.#unauthenticated(reason);
      }
    }
    return claims;
  }

  /** The claims of a token that was verified before, if it hasn't expired and its key hasn't been withdrawn. */
  #find(token: string, now: number): Claims | undefined {
    const known = this.#memory.find(token);
    if (known === undefined) {
      return undefined;
    }
    if (now < known.claims.exp + this.#clockTolerance && this.#keys.has(known.kid)) {
      return known.claims;
    }
    this.#memory.delete(token);
    return undefined;
  }

  async #check(token: string): Promise<Claims> {
    if (token === '' || token.length > maximumLength || !compactForm.test(token)) {
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

  /** The refusal of a token whose key isn't proven. */
  #unproven(reason: string): AuthError {
    return this.#unauthenticated(reason).withHeader(
      'www-authenticate',
      `DPoP error="invalid_dpop_proof", algs="${proofAlgorithms.join(' ')}"`,
    );
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

/** A refusal that tells a client where the resource's metadata is (RFC 9728 section 5.1), and which scope to ask for. */
function withMetadata(error: AuthError, metadataUrl: string, { scope = [] }: Requirement): AuthError {
  const challenge = error.headers['www-authenticate'];
  if (challenge === undefined) {
    return error;
  }
  const scopes = [scope].flat().join(' ');
  const parameters = [
    `resource_metadata="${metadataUrl}"`,
    ...(scopes === '' || challenge.includes('scope=') ? [] : [`scope="${scopes}"`]),
  ];
  return error.withHeader(
    'www-authenticate',
    `${challenge}${challenge.includes('=') ? ', ' : ' '}${parameters.join(', ')}`,
  );
}

/** The audience that tokens must have. @throws {TypeError} for options that can't be. */
function audienceOf({ audience, resource, apiKeys }: VerifierOptions): string {
  if (resource !== undefined) {
    if (audience !== undefined || apiKeys === true) {
      throw new TypeError('resource: takes the place of audience, and a resource takes no API keys');
    }
    return resourceUrl(typeof resource === 'string' ? resource : resource.url);
  }
  if (typeof audience !== 'string' || audience === '') {
    throw new TypeError("audience: set the gateway's TOKEN_AUDIENCE, or its PUBLIC_URL if that isn't set");
  }
  return audience;
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
  'resource',
  'jwksUri',
  'dpop',
  'cooldown',
  'clockTolerance',
  'remembered',
  'apiKeys',
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
