import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import { type OryConfiguration, resourceScopesOf } from '../../../platform/config/configuration.js';
import { type ProtectedResource, resourceOf } from '../../../platform/config/protected-resources.parser.js';

/** Scopes that the authorization server itself knows, beside those of a resource. */
const ownScopes: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline', 'offline_access']);

/** The resources for which tokens are issued (`PROTECTED_RESOURCES`). */
@Injectable()
export class ResourceRegistry {
  /** All scopes of all resources. */
  readonly scopes: readonly string[];
  readonly #resources: ReadonlyMap<string, ProtectedResource>;

  constructor(@Inject(CONFIGURATION) configuration: OryConfiguration) {
    this.scopes = resourceScopesOf(configuration);
    this.#resources = new Map(configuration.PROTECTED_RESOURCES.map((entry) => [entry.resource, entry]));
  }

  get isEmpty(): boolean {
    return this.#resources.size === 0;
  }

  /** All resource identifiers. */
  get identifiers(): readonly string[] {
    return [...this.#resources.keys()];
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

/** Whether a client may ask for a scope in a request for this resource. */
export function mayAskFor(scope: string, { scopes }: ProtectedResource): boolean {
  return scopes.has(scope) || ownScopes.has(scope);
}
