import { proofAlgorithms } from './dpop.proofs.js';

/** What a service states of itself as a protected resource (RFC 9728). */
export interface ResourceOptions {
  /** The URL under which clients know the service, as it stands in the gateway's `PROTECTED_RESOURCES`: `https://notes.example.org/mcp`. */
  readonly url: string;
  /** Scopes that clients may ask for. */
  readonly scopes?: readonly string[];
  /** What users know it by. */
  readonly name?: string;
}

/** The metadata of a protected resource, and where clients look for it. */
export interface ProtectedResource {
  /** Path at which the service answers with the document: `/.well-known/oauth-protected-resource/mcp`. */
  readonly path: string;
  /** The whole address, as `WWW-Authenticate` names it. */
  readonly metadataUrl: string;
  /** The document, to be answered as JSON. */
  readonly document: Readonly<Record<string, unknown>>;
}

const wellKnown = '/.well-known/oauth-protected-resource';

/** The URL of a resource in the spelling that is its tokens' audience: an empty path and `/` are the same. @throws {TypeError} */
export function resourceUrl(given: string): string {
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.search !== '' ||
    url.hash !== '' ||
    url.username !== ''
  ) {
    throw new TypeError('resource: set the URL of this service, for example https://notes.example.org/mcp');
  }
  return url.pathname === '/' ? url.origin : url.href;
}

/**
 * The metadata of a service as a protected resource (RFC 9728), by which a client that knows only the service's URL finds the gateway.
 * The service answers it without a token: `app.get(path, (request, response) => response.json(document))`.
 * @param options as of `createVerifier`, with `resource`. @throws {TypeError} for options that can't be.
 */
export function protectedResource({
  issuer,
  resource,
  dpop,
}: {
  readonly issuer: string;
  readonly resource?: string | ResourceOptions;
  readonly dpop?: string;
}): ProtectedResource {
  const {
    url: given = '',
    scopes,
    name,
  }: Partial<ResourceOptions> = typeof resource === 'string' ? { url: resource } : (resource ?? {});
  const url = resourceUrl(given);
  const { origin, pathname } = new URL(url);
  const path = `${wellKnown}${pathname === '/' ? '' : pathname}`;
  return {
    path,
    metadataUrl: `${origin}${path}`,
    document: {
      resource: url,
      authorization_servers: [new URL(issuer).origin],
      ...(scopes === undefined ? {} : { scopes_supported: [...scopes] }),
      bearer_methods_supported: ['header'],
      ...(dpop === undefined ? {} : { dpop_signing_alg_values_supported: [...proofAlgorithms] }),
      ...(name === undefined ? {} : { resource_name: name }),
    },
  };
}
