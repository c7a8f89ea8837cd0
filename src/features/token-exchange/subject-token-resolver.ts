import { Injectable } from '@nestjs/common';
import type { Claims } from '../../session/tokens/claims.schema.js';
import { KeyAuthenticator } from '../../session/guards/key-authenticator.js';
import type { Principal } from '../../session/principal.js';
import { RequestAuthenticator } from '../../session/guards/request-authenticator.js';
import { covers, fullScope } from '../../session/guards/scopes.js';
import { LoginService } from '../../login/login.service.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { OwnSession } from '../../login/own-session.service.js';
import { ServiceClients } from '../../login/service-clients.service.js';
import type { ExchangeForm } from './token-exchange.schemas.js';
import { ForeignTokens, type ResolvedSubject } from '../../session/tokens/foreign-tokens.js';
import { tokenTypes } from '../../session/tokens/token-types.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Resolves the tokens in a token exchange to their subjects. */
@Injectable()
export class SubjectTokenResolver {
  constructor(
    private readonly logins: LoginService,
    private readonly own: OwnSession,
    private readonly authenticator: RequestAuthenticator,
    private readonly keys: KeyAuthenticator,
    private readonly clients: ServiceClients,
    private readonly foreign: ForeignTokens,
  ) {}

  /**
   * The subject of the exchange.
   * @param principal of the request, for a session as the subject.
   * @param jkt thumbprint of the key that the request proves.
   * @throws {Problem} when the token is refused; {@link OAuthError} when there is none in the form.
   */
  async subject(
    { subject_token: token, subject_token_type: type, client_id: clientId }: ExchangeForm,
    principal: Principal | undefined,
    client: ClientInfo,
    jkt: string | undefined,
  ): Promise<ResolvedSubject> {
    if (type === tokenTypes.session) {
      if (token !== undefined || principal?.credential !== 'cookie') {
        throw new OAuthError('invalid_request', 'there is no subject of this type in the request');
      }
      return ownToken((await this.own.mintBearer(principal)).claims);
    }
    if (token === undefined) {
      throw new OAuthError('invalid_request', 'there is no subject of this type in the request');
    }
    switch (type) {
      case tokenTypes.apiKey:
        return this.#keyHolder(token);
      case tokenTypes.jwt:
        return (
          (await this.foreign.resolve({ token, clientId })) ??
          handedOn(await this.authenticator.liveClaims(token, jkt))
        );
      case tokenTypes.accessToken:
        return (await this.#service(token)) ?? (await this.#person(token, client));
    }
  }

  /** The actor who acts for the subject; undefined if there is none. @throws {Problem} when its token is refused. */
  async actor(
    { actor_token: token, actor_token_type: type }: ExchangeForm,
    jkt: string | undefined,
  ): Promise<ResolvedSubject | undefined> {
    if ((token === undefined) !== (type === undefined)) {
      // RFC 8693 section 2.1.
      throw new OAuthError('invalid_request', 'actor_token and actor_token_type come together or not at all');
    }
    if (token === undefined) {
      return undefined;
    }
    return type === tokenTypes.apiKey
      ? this.#keyHolder(token)
      : ownToken(await this.authenticator.liveClaims(token, jkt));
  }

  async #keyHolder(key: string): Promise<ResolvedSubject> {
    const { claims, expiresAt, staysInOrg } = await this.keys.authenticate(key, { anew: true });
    return { claims, latest: expiresAt, staysInOrg };
  }

  async #service(token: string): Promise<ResolvedSubject | undefined> {
    const found = await this.clients.find(token);
    return found === undefined
      ? undefined
      : { claims: found.claims, latest: found.expiresAt, staysInOrg: false };
  }

  async #person(accessToken: string, client: ClientInfo): Promise<ResolvedSubject> {
    const { session } = await this.logins.login(
      { accessToken, previous: undefined, isForCookie: false },
      client,
    );
    return {
      ...ownToken(session.claims),
      discard: async () => this.logins.takeBack(session, 'exchange_refused'),
    };
  }
}

function ownToken(claims: Claims): ResolvedSubject {
  return { claims, latest: claims.exp, staysInOrg: false };
}

/** The subject of a narrowed token: it was delegated for one organisation, and stays there. */
function handedOn(claims: Claims): ResolvedSubject {
  return { ...ownToken(claims), staysInOrg: !covers(claims.scope, fullScope) };
}
