import { Injectable } from '@nestjs/common';
import { StartError } from '../../platform/errors/start-errors.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { exchangeGrantType } from './token-types.js';

/** What a grant gives for a request. */
export interface Granted {
  /** The API key for which the answer's token is exchanged. */
  readonly apiKey: string;
  /** Members of the answer besides those of every grant. */
  readonly members: Readonly<Record<string, string>>;
}

/** A grant of the token endpoint that a feature adds to token exchange. */
export interface TokenGrant {
  /** `grant_type` of its requests. */
  readonly type: string;
  /** The only client that may use it: a request of any other may be for the login provider. */
  readonly clientId: string;
  /** Who it is for, as a refusal says it, such as `the command line`. */
  readonly purpose: string;
  /** Path of the authorization endpoint, if its clients begin there (RFC 6749 section 3.1). */
  readonly authorizationPath?: string;
  /** Grants a key. @param body the form as it came. @throws {OAuthError}; {Problem} when a dependency can't be reached. */
  grant(body: unknown, client: ClientInfo): Promise<Granted>;
}

/** The grants of the token endpoint besides token exchange. Features add theirs when the gateway starts. */
@Injectable()
export class TokenGrants {
  readonly #grants = new Map<string, TokenGrant>();

  /** Adds a grant. @throws {StartError} if there is one of its type. */
  add(grant: TokenGrant): void {
    if (grant.type === exchangeGrantType || this.#grants.has(grant.type)) {
      throw new StartError(`The token endpoint has two grants of the type ${grant.type}.`);
    }
    this.#grants.set(grant.type, grant);
  }

  find(type: string): TokenGrant | undefined {
    return this.#grants.get(type);
  }

  /** What `grant_type` may be, in words. */
  get described(): string {
    const added = [...this.#grants.values()].map(({ type, purpose }) => `, or ${type} for ${purpose}`);
    return `${exchangeGrantType}${added.join('')}`;
  }

  /** What the metadata (RFC 8414) states about grants. */
  metadata(issuer: string): Readonly<Record<string, unknown>> {
    const [path] = [...this.#grants.values()].flatMap(({ authorizationPath }) => authorizationPath ?? []);
    return {
      ...(path === undefined ? {} : { authorization_endpoint: `${issuer}${path}` }),
      grant_types_supported: [exchangeGrantType, ...this.#grants.keys()],
    };
  }
}
