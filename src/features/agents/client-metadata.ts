import { z } from 'zod';
import { redirectUriFault } from '../../auth-strategy/redirect-uri.js';
import { registrationFault } from '../../auth-strategy/registration-size.js';

/** What a client states about itself (RFC 7591 section 2), as far as it is used here. */
export interface ClientMetadata {
  /** Null if it states none. */
  readonly name: string | null;
  readonly redirectUris: readonly string[];
  /** Whether it can keep its access with refresh tokens. */
  readonly refreshes: boolean;
}

/** Why a metadata document couldn't be read. */
export type DocumentFault =
  'air_gap' | 'private_address' | 'unknown_host' | 'timeout' | 'unreachable' | 'bad_answer';

/** What a client states about itself can't be accepted. */
export class ClientMetadataError extends Error {
  /** Why a document couldn't be read, for the operator's log: it would report to a caller what is reachable from here. */
  fault?: DocumentFault;
  override readonly name = 'ClientMetadataError';
  /** RFC 7591 section 3.2.2. */
  readonly code: 'invalid_redirect_uri' | 'invalid_client_metadata';

  constructor(message: string, code: ClientMetadataError['code'] = 'invalid_client_metadata') {
    super(message);
    this.code = code;
  }
}

/** Letters, marks, digits and what stands between words: nothing that is invisible (as some letters are) or changes the direction of a text. */
const nameForm = /^(?:(?![\u115F\u1160\u2800\u3164\uFFA0])[\p{L}\p{M}\p{N}\p{P}\p{S} ]){1,80}$/u;

/** Unknown members are ignored (RFC 7591 section 2). */
const metadataSchema = z.object({
  client_name: z.string().trim().regex(nameForm).optional(),
  redirect_uris: z.array(z.string()).min(1).max(10),
  grant_types: z.array(z.string()).max(10).default(['authorization_code']),
  response_types: z.array(z.string()).max(10).default(['code']),
  token_endpoint_auth_method: z.string().default('none'),
  client_secret: z.undefined().optional(),
  client_secret_expires_at: z.undefined().optional(),
});

/** What is accepted of a client. */
export interface ClientRules {
  /** Of this gateway. */
  readonly publicUrl: string;
  /** Redirect URIs that are fine whatever their scheme. */
  readonly nativeUris: readonly string[];
  /** Whether it may ask for a secret: the answer tells it that it gets none. */
  readonly mayAskForSecret: boolean;
}

/** The methods by which a client authenticates with a secret. */
const secretMethods: ReadonlySet<string> = new Set(['client_secret_basic', 'client_secret_post']);

/** Reads the metadata of a public client that registers itself. @throws {ClientMetadataError} */
export function readClientMetadata(
  value: unknown,
  { publicUrl, nativeUris, mayAskForSecret }: ClientRules,
): ClientMetadata {
  const parsed = metadataSchema.safeParse(value);
  if (!parsed.success) {
    const names = new Set(parsed.error.issues.map(({ path }) => String(path[0] ?? 'the document')));
    const isRedirect = names.size === 1 && names.has('redirect_uris');
    throw new ClientMetadataError(
      `missing or not valid: ${[...names].join(', ')}`,
      isRedirect ? 'invalid_redirect_uri' : 'invalid_client_metadata',
    );
  }
  const { data } = parsed;
  const method = data.token_endpoint_auth_method;
  if (method !== 'none' && !(mayAskForSecret && secretMethods.has(method))) {
    throw new ClientMetadataError(
      'token_endpoint_auth_method must be none: only public clients register themselves',
    );
  }
  if (!data.grant_types.includes('authorization_code') || !data.response_types.includes('code')) {
    throw new ClientMetadataError('grant_types must include authorization_code, and response_types code');
  }
  for (const uri of data.redirect_uris) {
    const fault = redirectUriFault(uri, 'native', publicUrl, nativeUris);
    if (fault !== undefined) {
      throw new ClientMetadataError(`a redirect URI ${fault}`, 'invalid_redirect_uri');
    }
  }
  const tooLarge = registrationFault([data.client_name ?? null, ...data.redirect_uris]);
  if (tooLarge !== undefined) {
    throw new ClientMetadataError(`redirect_uris ${tooLarge}`, 'invalid_redirect_uri');
  }
  return {
    name: data.client_name ?? null,
    redirectUris: [...new Set(data.redirect_uris)],
    refreshes: data.grant_types.includes('refresh_token'),
  };
}
