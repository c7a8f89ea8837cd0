import { Readable } from 'node:stream';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AuditService } from '../../directory/audit/audit.service.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { HydraDiscovery } from '../../providers/ory/hydra/hydra-discovery.js';
import type { ProtectedResource } from '../../providers/ory/hydra/protected-resource.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { OAuthRefusal, answerClientWith } from '../../providers/ory/proxy/oauth-refusal.js';
import { parametersIn } from '../../providers/ory/proxy/query-limit.js';
import { peekBody } from '../../providers/ory/proxy/whole-body.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { assertionGrantType } from '../../session/tokens/token-types.js';
import { crossAppEvents } from './cross-app-audit-events.js';
import { CrossAppTokens, scopesIn } from './cross-app-tokens.js';

/** What the metadata states of a server that takes the assertions of companies. */
const profile = { authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'] };

/** Answers token requests with the assertion of a company (RFC 7523 section 2.1): Hydra never sees them. */
@Injectable()
export class AssertionGate implements OnModuleInit {
  constructor(
    private readonly applications: ApplicationAuthentication,
    private readonly resources: ResourceRegistry,
    private readonly tokens: CrossAppTokens,
    private readonly proofs: ProofsOfPossession,
    private readonly audit: AuditService,
    private readonly discovery: HydraDiscovery,
    server: AuthorizationServer,
    gates: AddedGates,
  ) {
    gates.add('clients', { name: 'assertion', admit: async (exchange) => this.#admit(exchange) });
    server.add(() => (resources.isEmpty ? {} : { ...profile, grant_types_supported: [assertionGrantType] }));
  }

  onModuleInit(): void {
    if (!this.resources.isEmpty) {
      this.discovery.add(profile, assertionGrantType);
    }
  }

  /** @returns whether the request is answered. */
  async #admit(exchange: Exchange): Promise<boolean> {
    const { request, path } = exchange;
    if (request.method !== 'POST' || path !== '/oauth2/token' || this.resources.isEmpty) {
      return false;
    }
    const form = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const asked = parametersIn(form);
    if (asked.get('grant_type') !== assertionGrantType) {
      return false;
    }
    await answerClientWith(exchange, 'token request', async () => this.#grant(exchange, asked));
    return true;
  }

  async #grant(
    { request, reply, presented }: Exchange,
    asked: URLSearchParams,
  ): Promise<Readonly<Record<string, unknown>>> {
    const application = await this.applications.authenticate(presented);
    if (application.tokenEndpointAuthMethod === 'none' || application.kind === 'machine') {
      throw new OAuthRefusal(
        'unauthorized_client',
        'only an application with a secret or keys, for users, may do this',
      );
    }
    const resource = this.#resourceIn(asked);
    const [assertion = '', ...others] = asked.getAll('assertion');
    if (assertion === '' || others.length > 0) {
      throw new OAuthRefusal('invalid_request', 'one assertion is needed');
    }
    const jkt = await this.proofs.keyOf(request, reply);
    const client = clientInfoOf(request);
    const event = {
      type: crossAppEvents.token_issued.type,
      target: { kind: 'application', id: application.id },
    } as const;
    try {
      const scope = scopesIn(asked.get('scope'));
      const { token, claims } = await this.tokens.issue({
        application,
        assertion,
        resource,
        scope,
        jkt,
        client,
      });
      const { sub, org, iat, exp, cnf } = claims;
      await this.audit.record({
        ...event,
        userId: sub,
        orgId: org?.id,
        reason: resource.resource,
        ...client,
      });
      return {
        access_token: token,
        token_type: cnf === undefined ? 'Bearer' : 'DPoP',
        expires_in: exp - iat,
        scope: claims.scope,
      };
    } catch (error) {
      if (error instanceof OAuthRefusal) {
        await this.audit.record({ ...event, outcome: 'failure', reason: error.reason, ...client });
      }
      throw error;
    }
  }

  /** The one resource of a request. @throws {OAuthRefusal} `invalid_target` */
  #resourceIn(asked: URLSearchParams): ProtectedResource {
    const [identifier = '', ...others] = asked.getAll('resource');
    const resource = others.length === 0 ? this.resources.find(identifier) : undefined;
    if (resource === undefined || asked.has('audience')) {
      throw new OAuthRefusal(
        'invalid_target',
        'name one resource that tokens are issued for',
        'resource_unknown',
      );
    }
    return resource;
  }
}
