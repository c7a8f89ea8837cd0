import { Injectable } from '@nestjs/common';
import type { GivenConsent } from './consent-recorder.js';
import type { LoginContext, RefreshToken } from './hydra.schemas.js';
import { type ProtectedResource, resourceOf } from './protected-resource.js';

/** What the tokens of a consent for a resource are made from, besides its login. */
export type ResourceContext = Pick<LoginContext, 'grant_id' | 'client_id' | 'dpop_jkt'>;

/** What issues the tokens of resources. */
export interface ResourceIssuer {
  readonly resources: readonly ProtectedResource[];
  /** What the tokens of a consent are made from later; nothing for a consent for no resource. */
  readonly contextOf: (consent: GivenConsent) => Promise<ResourceContext>;
  /** Requires that tokens of a resource which were made before may still be given out. @throws {OAuthRefusal} */
  readonly requireLive: (token: RefreshToken) => Promise<void>;
}

/** The resources for which tokens are issued. A feature tells them when it is made; without it, there are none. */
@Injectable()
export class ResourceRegistry {
  #issuer: ResourceIssuer | undefined;
  #resources: ReadonlyMap<string, ProtectedResource> = new Map();

  use(issuer: ResourceIssuer): void {
    this.#issuer = issuer;
    this.#resources = new Map(issuer.resources.map((entry) => [entry.resource, entry]));
  }

  /** Undefined where no feature issues tokens for resources. */
  get issuer(): ResourceIssuer | undefined {
    return this.#issuer;
  }

  get isEmpty(): boolean {
    return this.#resources.size === 0;
  }

  get all(): readonly ProtectedResource[] {
    return [...this.#resources.values()];
  }

  /** All resource identifiers. */
  get identifiers(): readonly string[] {
    return [...this.#resources.keys()];
  }

  /** All scopes of all resources. */
  get scopes(): readonly string[] {
    return [...new Set(this.all.flatMap(({ scopes }) => [...scopes.keys()]))];
  }

  /** The resource of an identifier, as a client sent it. */
  find(identifier: string): ProtectedResource | undefined {
    return this.#resources.get(resourceOf(identifier) ?? '');
  }

  /** The one resource that an audience consists of; undefined for any other audience. */
  ofAudience(audience: readonly string[] | null | undefined): ProtectedResource | undefined {
    const [first = '', ...more] = audience ?? [];
    return more.length === 0 ? this.#resources.get(first) : undefined;
  }
}
