import { Injectable } from '@nestjs/common';
import type { Claims } from '../session/claims.schema.js';
import { KeyAuthenticator } from '../session/key.authenticator.js';
import type { Principal } from '../session/principal.js';
import { RequestAuthenticator } from '../session/request.authenticator.js';
import { covers, fullScope } from '../session/scopes.js';
import { SessionService } from '../session/session.service.js';
import { AuthService, type RequestOrigin } from './auth.service.js';
import { OAuthError } from './oauth.error.js';
import { ServiceClients } from './service-clients.service.js';
import { type ExchangeForm, tokenTypes } from './token-exchange.schemas.js';

/** Who a token is to speak of, or who acts: what is known of them, and until when. */
export interface ExchangeParty {
  readonly claims: Claims;
  /** Seconds since the epoch; no token made from it lives longer. */
  readonly latest: number;
  /** Whether it was handed on for the organisation of its claims alone. */
  readonly staysInOrg: boolean;
  /** Takes back what was begun for this exchange alone. */
  readonly discard?: () => Promise<void>;
}

/** Tokens in a token exchange → whose they are. */
@Injectable()
export class ExchangeParties {
  readonly #auth: AuthService;
  readonly #authenticator: RequestAuthenticator;
  readonly #keys: KeyAuthenticator;
  readonly #clients: ServiceClients;
  readonly #sessions: SessionService;

  constructor(
    auth: AuthService,
    authenticator: RequestAuthenticator,
    keys: KeyAuthenticator,
    clients: ServiceClients,
    sessions: SessionService,
  ) {
    this.#auth = auth;
    this.#authenticator = authenticator;
    this.#keys = keys;
    this.#clients = clients;
    this.#sessions = sessions;
  }

  /**
   * @param principal of the request, for a session as the subject.
   * @throws {Problem} of who refuses the token; {@link OAuthError} when there is none in the form.
   */
  async subject(
    { subject_token: token, subject_token_type: type }: ExchangeForm,
    principal: Principal | undefined,
    origin: RequestOrigin,
  ): Promise<ExchangeParty> {
    if (type === tokenTypes.session) {
      if (token !== undefined || principal?.credential !== 'cookie') {
        throw new OAuthError('invalid_request', 'there is no subject of this type in the request');
      }
      return ownToken((await this.#auth.mintBearer(principal)).claims);
    }
    if (token === undefined) {
      throw new OAuthError('invalid_request', 'there is no subject of this type in the request');
    }
    switch (type) {
      case tokenTypes.apiKey:
        return this.#keyHolder(token);
      case tokenTypes.jwt:
        return handedOn(await this.#authenticator.bearerClaims(token));
      case tokenTypes.accessToken:
        return (await this.#service(token)) ?? (await this.#person(token, origin));
    }
  }

  /** Who acts for the subject; undefined when nobody does. @throws {Problem} when its token is refused. */
  async actor({
    actor_token: token,
    actor_token_type: type,
  }: ExchangeForm): Promise<ExchangeParty | undefined> {
    if ((token === undefined) !== (type === undefined)) {
      // RFC 8693 section 2.1.
      throw new OAuthError('invalid_request', 'actor_token and actor_token_type come together or not at all');
    }
    if (token === undefined) {
      return undefined;
    }
    return type === tokenTypes.apiKey
      ? this.#keyHolder(token)
      : ownToken(await this.#authenticator.bearerClaims(token));
  }

  async #keyHolder(key: string): Promise<ExchangeParty> {
    const { claims, expiresAt, staysInOrg } = await this.#keys.authenticate(key, { anew: true });
    return { claims, latest: expiresAt, staysInOrg };
  }

  async #service(token: string): Promise<ExchangeParty | undefined> {
    const found = await this.#clients.find(token);
    return found === undefined
      ? undefined
      : { claims: found.claims, latest: found.expiresAt, staysInOrg: false };
  }

  async #person(accessToken: string, origin: RequestOrigin): Promise<ExchangeParty> {
    const { session } = await this.#auth.login({ accessToken, previous: undefined }, origin);
    const discard = async (): Promise<void> => {
      await this.#sessions.end({ id: session.claims.sid }, 'exchange_refused');
    };
    return { ...ownToken(session.claims), discard };
  }
}

function ownToken(claims: Claims): ExchangeParty {
  return { claims, latest: claims.exp, staysInOrg: false };
}

/** A token that was narrowed was handed on for one organisation, and stays there. */
function handedOn(claims: Claims): ExchangeParty {
  return { ...ownToken(claims), staysInOrg: !covers(claims.scope, fullScope) };
}
