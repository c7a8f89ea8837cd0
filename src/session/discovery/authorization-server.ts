import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Members of the metadata of an authorization server (RFC 8414 section 2). */
export interface ServerMetadata {
  readonly token_endpoint?: string;
  readonly grant_types_supported?: readonly string[];
  readonly [member: string]: unknown;
}

/** An answer of the login provider's token endpoint. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What the gateway is for clients whose users log in at the provider. */
export interface ProviderAuthorization {
  /** The metadata. @param added what other features have stated. */
  metadata(added: ServerMetadata): ServerMetadata;
  /** Passes a token request on. @returns undefined where no code can be of the provider's. */
  grant(request: FastifyRequest, body: unknown): Promise<ProviderAnswer | undefined>;
}

/** What the gateway is as an authorization server, beside the issuer of tokens: what features make of it. */
@Injectable()
export class AuthorizationServer {
  readonly #added: (() => ServerMetadata)[] = [];
  #provider: ProviderAuthorization | undefined;

  /** Adds members to the metadata, as a feature has them when it is read; its grant types come to those of others. */
  add(members: () => ServerMetadata): void {
    this.#added.push(members);
  }

  use(provider: ProviderAuthorization): void {
    this.#provider = provider;
  }

  /** What the metadata states besides the core's, or otherwise. */
  metadata(): ServerMetadata {
    const parts = this.#added.map((members) => members());
    const grants = new Set(parts.flatMap(({ grant_types_supported: types = [] }) => types));
    const own = grants.size === 0 ? {} : { grant_types_supported: [...grants] };
    const added: ServerMetadata = Object.assign({}, ...parts, own);
    return this.#provider?.metadata(added) ?? added;
  }

  /** Passes a token request on to the login provider. @returns undefined where no code can be of the provider's. */
  async grant(request: FastifyRequest, body: unknown): Promise<ProviderAnswer | undefined> {
    return this.#provider?.grant(request, body);
  }
}
