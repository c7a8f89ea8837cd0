import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { HydraDiscovery } from '../../providers/ory/hydra/hydra-discovery.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { OAuthRefusal, answerClientWith } from '../../providers/ory/proxy/oauth-refusal.js';
import { parametersIn } from '../../providers/ory/proxy/query-limit.js';
import { peekBody } from '../../providers/ory/proxy/whole-body.js';
import { exchangeGrantType } from '../../session/tokens/token-types.js';
import { crossAppEvents } from './cross-app-audit-events.js';
import { scopesIn } from './cross-app-tokens.js';
import { IdentityAssertions } from './identity-assertions.js';

const idTokenType = 'urn:ietf:params:oauth:token-type:id_token';
const assertionTokenType = 'urn:ietf:params:oauth:token-type:id-jag';

/** Answers token exchanges at the provider's endpoint (RFC 8693), where Hydra has none: an ID token for an assertion about its user. */
@Injectable()
export class IdentityAssertionGate {
  constructor(
    private readonly applications: ApplicationAuthentication,
    private readonly assertions: IdentityAssertions,
    private readonly audit: AuditService,
    discovery: HydraDiscovery,
    gates: AddedGates,
  ) {
    gates.add('clients', { name: 'identity-assertion', admit: async (exchange) => this.#admit(exchange) });
    discovery.add(
      { identity_chaining_requested_token_types_supported: [assertionTokenType] },
      exchangeGrantType,
    );
  }

  /** @returns whether the request is answered. */
  async #admit(exchange: Exchange): Promise<boolean> {
    const { request, path } = exchange;
    if (request.method !== 'POST' || path !== '/oauth2/token') {
      return false;
    }
    const form = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const asked = parametersIn(form);
    if (asked.get('grant_type') !== exchangeGrantType) {
      return false;
    }
    await answerClientWith(exchange, 'token exchange', async () => this.#exchange(exchange, asked));
    return true;
  }

  async #exchange(
    { request, presented }: Exchange,
    asked: URLSearchParams,
  ): Promise<Readonly<Record<string, unknown>>> {
    const application = await this.applications.authenticate(presented);
    if (application.tokenEndpointAuthMethod === 'none') {
      throw new OAuthRefusal('unauthorized_client', 'only an application with a secret or keys may do this');
    }
    if (
      asked.get('requested_token_type') !== assertionTokenType ||
      asked.get('subject_token_type') !== idTokenType ||
      asked.has('actor_token')
    ) {
      throw new OAuthRefusal(
        'invalid_request',
        `here, an ID token (subject_token_type ${idTokenType}) is exchanged for requested_token_type ${assertionTokenType}`,
        'exchange_of_other_types',
      );
    }
    if (asked.getAll('audience').length > 1 || asked.getAll('resource').length > 1) {
      throw new OAuthRefusal('invalid_target', 'name one audience and one resource', 'several_resources');
    }
    const client = clientInfoOf(request);
    const event = {
      type: crossAppEvents.assertion_issued.type,
      target: { kind: 'application', id: application.id },
    } as const;
    try {
      const { assertion, expiresIn, scope, userId } = await this.assertions.issue({
        application,
        client,
        idToken: asked.get('subject_token') ?? '',
        audience: asked.get('audience') ?? '',
        resource: asked.get('resource') ?? undefined,
        scope: scopesIn(asked.get('scope')),
      });
      await this.audit.record({ ...event, userId, reason: asked.get('audience') ?? '', ...client });
      return {
        issued_token_type: assertionTokenType,
        access_token: assertion,
        token_type: 'N_A',
        expires_in: expiresIn,
        ...(scope === '' ? {} : { scope }),
      };
    } catch (error) {
      if (error instanceof OAuthRefusal) {
        await this.audit.record({ ...event, outcome: 'failure', reason: error.reason, ...client });
      }
      throw error;
    }
  }
}
