import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { innerCallHeaders } from '../../platform/http/inner-call.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import {
  AuthorizationServer,
  type ProviderAnswer,
  type ProviderAuthorization,
  type ServerMetadata,
} from '../../session/discovery/authorization-server.js';

/** Where the login provider's own endpoints are exposed. */
const providerPath = '/ory/hydra';

const formSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

const bodySchema = z.looseObject({ reason: z.unknown().optional() });

/** Headers that identify the client, and where it is. */
const passedOn = [
  'authorization',
  'dpop',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
] as const;

/**
 * What the gateway is for clients that get tokens for a protected resource by themselves: their authorization server, of which users log in
 * at the provider. Its metadata names the provider's endpoint for that. The gateway's own token endpoint passes their codes and refresh
 * tokens on; where there is none, clients use the provider's.
 */
@Injectable()
export class ResourceAuthorization implements ProviderAuthorization {
  readonly #issuer: string;

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly resources: ResourceRegistry,
    private readonly proofs: ProofsOfPossession,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
    server: AuthorizationServer,
  ) {
    this.#issuer = PUBLIC_URL;
    server.use(this);
  }

  metadata(added: ServerMetadata): ServerMetadata {
    if (this.resources.isEmpty) {
      return added;
    }
    const provider = `${this.#issuer}${providerPath}/oauth2`;
    const { token_endpoint: tokens = `${provider}/token`, grant_types_supported: grants = [] } = added;
    return {
      ...added,
      token_endpoint: tokens,
      authorization_endpoint: `${provider}/auth`,
      revocation_endpoint: `${provider}/revoke`,
      grant_types_supported: [...new Set([...grants, 'authorization_code', 'refresh_token'])],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      authorization_response_iss_parameter_supported: true,
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      scopes_supported: [...this.resources.scopes, 'offline_access'],
      protected_resources: this.resources.identifiers,
      ...this.proofs.metadataFor(this.resources.identifiers),
    };
  }

  /**
   * Passes a token request on, within the process, on the same way as any that comes to the provider's endpoint.
   * @returns undefined where no code can be of the provider's.
   */
  async grant(request: FastifyRequest, body: unknown): Promise<ProviderAnswer | undefined> {
    const form = formSchema.safeParse(body);
    if (this.resources.isEmpty || !form.success) {
      return undefined;
    }
    const pairs = Object.entries(form.data).flatMap(([name, value]) =>
      [value].flat().map((entry): [string, string] => [name, entry]),
    );
    const given = passedOn.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const answer = await this.host.httpAdapter.inject({
      method: 'POST',
      url: `${providerPath}/oauth2/token`,
      headers: {
        ...Object.fromEntries(given),
        ...innerCallHeaders,
        host: new URL(this.#issuer).host,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      remoteAddress: request.socket.remoteAddress ?? request.ip,
      payload: String(new URLSearchParams(pairs)),
    });
    const { 'dpop-nonce': nonce } = answer.headers;
    // A problem has its reason for our own pages alone.
    const { reason: _reason, ...told } = bodySchema.parse(JSON.parse(answer.body));
    return {
      status: answer.statusCode,
      headers: typeof nonce === 'string' ? { 'dpop-nonce': nonce } : {},
      body: told,
    };
  }
}
