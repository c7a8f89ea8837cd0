import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ApplicationUses } from '../hydra/application-uses.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { isOwnClient } from '../hydra/hydra-clients.js';
import type { ApplicationAccess } from './application-access.js';
import { parametersIn, requireSameReading } from './query-limit.js';
import { peekBody } from './whole-body.js';

/** The form of Hydra's refresh tokens. */
const tokenForm = /^[\w.~+/-]{16,2048}=*$/;

/** A refresh with a token that Hydra takes for live. */
export interface LiveRefresh {
  readonly token: string;
  /** The whole form. */
  readonly form: string;
  readonly audience: readonly string[];
  /** Subject of the user at Hydra. */
  readonly subject: string;
  readonly clientId: string;
  /** Id of the consent, if it is for a protected resource. */
  readonly grantId: string | undefined;
  /** The client as Hydra has it. */
  readonly client: unknown;
  /** Whether the user may still use the application. */
  readonly isAdmitted: boolean;
}

/**
 * Decides at each refresh of tokens whether the user may still use the application. If they may not, their grant ends before the
 * request reaches Hydra, which then answers `invalid_grant` itself. Also records the use of the application.
 */
export class RefreshGate {
  readonly #passed = new WeakMap<
    FastifyRequest,
    { readonly identity: ProviderIdentity; readonly clientId: string }
  >();

  constructor(
    private readonly hydra: HydraClient,
    private readonly access: ApplicationAccess,
    private readonly uses: ApplicationUses,
  ) {}

  /**
   * Call it before the request is passed on.
   * @param path after the prefix.
   * @returns undefined for a request without a live refresh token.
   * @throws {Problem} `unsupported_media_type`, `malformed_request`, `payload_too_large`, `provider_unavailable`
   */
  async admit(request: FastifyRequest, path: string): Promise<LiveRefresh | undefined> {
    if (request.method !== 'POST' || path !== '/oauth2/token' || !(request.body instanceof Readable)) {
      return undefined;
    }
    const form = await readForm(request, request.body);
    const token = refreshTokenOf(form);
    const live = token === undefined ? undefined : await this.hydra.introspectRefreshToken(token);
    if (token === undefined || live === undefined || isOwnClient(live.client_id)) {
      return undefined;
    }
    const clientId = live.client_id;
    const { client, identity } = await this.access.judge(live, request);
    const isAdmitted = identity !== undefined;
    if (isAdmitted) {
      this.#passed.set(request, { identity, clientId });
    }
    return {
      token,
      form,
      audience: live.aud ?? [],
      subject: live.sub,
      clientId,
      grantId: live.ext?.grant_id,
      client,
      isAdmitted,
    };
  }

  /** Records the use of the application if the tokens were refreshed. Call it in an `onSend` hook. */
  settle(request: FastifyRequest, reply: FastifyReply): void {
    const passed = this.#passed.get(request);
    if (passed !== undefined && reply.statusCode === 200) {
      this.uses.note(passed.identity, passed.clientId);
    }
  }
}

/** The form of a token request. Hydra would read a multipart form too, in which a refresh token would pass by here. */
async function readForm(request: FastifyRequest, given: Readable): Promise<string> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Problem('unsupported_media_type', { reason: 'form_type' });
  }
  const text = String(await peekBody(request, given));
  // RFC 6749 section 3.2: of two values, Hydra might take the other one.
  requireSameReading(text);
  return text;
}

/** The refresh token of a token request (RFC 6749 section 6); undefined for another grant. */
function refreshTokenOf(form: string): string | undefined {
  // Whatever the grant type is: Hydra reads `refresh_token ` as `refresh_token`.
  const token = parametersIn(form).get('refresh_token') ?? '';
  if (token !== '' && !tokenForm.test(token)) {
    // Hydra reads over line feeds in it.
    throw new Problem('malformed_request', { reason: 'refresh_token_form' });
  }
  return token || undefined;
}
