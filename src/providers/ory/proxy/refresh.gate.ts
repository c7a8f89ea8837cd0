import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ApplicationAdmission } from '../challenges/application.admission.js';
import type { ApplicationUses } from '../hydra/application.uses.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { isOwnClient } from '../hydra/hydra.clients.js';
import type { HydraGrants } from '../hydra/hydra.grants.js';
import type { RefreshToken } from '../hydra/hydra.schemas.js';
import type { IdentitySource } from '../sources/identity.source.js';
import { parametersIn, requireSameReading } from './query.limit.js';
import { peekBody } from './whole.body.js';

/** The form of Hydra's refresh tokens. */
const tokenForm = /^[\w.~+/-]{16,2048}=*$/;

/** Dependencies of {@link RefreshGate}. */
export interface RefreshGateParts {
  readonly hydra: HydraClient;
  readonly sources: IdentitySource;
  readonly admission: ApplicationAdmission;
  readonly grants: HydraGrants;
  readonly uses: ApplicationUses;
  readonly audit: AuditService;
}

/**
 * Decides at each refresh of tokens whether the user may still use the application. If they may not, their grant ends before the
 * request reaches Hydra, which then answers `invalid_grant` itself. Also records the use of the application.
 */
export class RefreshGate {
  readonly #logger = new Logger(RefreshGate.name);
  readonly #parts: RefreshGateParts;
  readonly #passed = new WeakMap<
    FastifyRequest,
    { readonly identity: ProviderIdentity; readonly clientId: string }
  >();

  constructor(parts: RefreshGateParts) {
    this.#parts = parts;
  }

  /**
   * Call it before the request is passed on.
   * @param path after the prefix.
   * @returns the audience of the refresh token; undefined for a request without a live one.
   * @throws {Problem} `unsupported_media_type`, `malformed_request`, `payload_too_large`, `provider_unavailable`
   */
  async admit(request: FastifyRequest, path: string): Promise<readonly string[] | undefined> {
    if (request.method !== 'POST' || path !== '/oauth2/token' || !(request.body instanceof Readable)) {
      return undefined;
    }
    const refreshToken = await readRefreshToken(request, request.body);
    const token =
      refreshToken === undefined ? undefined : await this.#parts.hydra.introspectRefreshToken(refreshToken);
    if (token === undefined || isOwnClient(token.client_id)) {
      return undefined;
    }
    const identity = await this.#admitted(token);
    if (identity !== undefined) {
      this.#passed.set(request, { identity, clientId: token.client_id });
    } else {
      await this.#end(request, token);
    }
    return token.aud ?? [];
  }

  /** Records the use of the application if the tokens were refreshed. Call it in an `onSend` hook. */
  settle(request: FastifyRequest, reply: FastifyReply): void {
    const passed = this.#passed.get(request);
    if (passed !== undefined && reply.statusCode === 200) {
      this.#parts.uses.note(passed.identity, passed.clientId);
    }
  }

  /** The identity that may still use the application; undefined for one that may not. */
  async #admitted({ sub, client_id: clientId }: RefreshToken): Promise<ProviderIdentity | undefined> {
    const { hydra, sources, admission } = this.#parts;
    const [client, user] = await Promise.all([hydra.client(clientId), sources.findUser(sub)]);
    if (user?.isActive !== true) {
      return undefined;
    }
    // An address that must be verified again ends no access: it only holds up the next login.
    return (await admission.judge(user.identity, client)) === 'refused' ? undefined : user.identity;
  }

  async #end(request: FastifyRequest, { sub, client_id: clientId }: RefreshToken): Promise<void> {
    const { grants, admission, audit } = this.#parts;
    await grants.revoke(sub, clientId);
    this.#logger.log('an application lost access to a user whom it no longer admits', {
      reason: 'application_not_admitted',
    });
    await audit.record({
      type: 'application_access_revoked',
      reason: 'no_longer_admitted',
      userId: await admission.userIdOf(sub),
      target: { kind: 'application', id: clientId },
      actor: { id: null, credential: 'system' },
      requestId: request.id,
      remoteAddress: request.ip,
    });
  }
}

/**
 * The refresh token of a token request (RFC 6749 section 6); undefined for another grant. Hydra would read a multipart form too, in
 * which it would pass by here.
 */
async function readRefreshToken(request: FastifyRequest, given: Readable): Promise<string | undefined> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    throw new Problem('unsupported_media_type', { reason: 'form_type' });
  }
  const text = String(await peekBody(request, given));
  // RFC 6749 section 3.2: of two values, Hydra might take the other one.
  requireSameReading(text);
  // Whatever the grant type is: Hydra reads `refresh_token ` as `refresh_token`.
  const token = parametersIn(text).get('refresh_token') ?? '';
  if (token !== '' && !tokenForm.test(token)) {
    // Hydra reads over line feeds in it.
    throw new Problem('malformed_request', { reason: 'refresh_token_form' });
  }
  return token || undefined;
}
