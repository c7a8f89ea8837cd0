import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import { type Configuration, protectedResourcesOf } from '../platform/config/configuration.js';
import { innerCallHeaders } from '../platform/http/inner-call.js';

/** Where the login provider's own endpoints are exposed. */
const providerPath = '/ory/hydra';

const formSchema = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

/** Headers that identify the client, and where it is. */
const passedOn = [
  'authorization',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
] as const;

/** An answer of the provider's token endpoint. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * What the gateway is for clients that get tokens for a protected resource by themselves (`PROTECTED_RESOURCES`): their authorization
 * server, of which users log in at the provider. Its metadata names the provider's endpoint for that, and the gateway's own token
 * endpoint, which passes their codes and refresh tokens on.
 */
@Injectable()
export class AuthorizationServer {
  readonly #configuration: Configuration;
  #added: Readonly<Record<string, unknown>> = {};

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** Adds members to the metadata, as a feature has them. */
  add(members: Readonly<Record<string, unknown>>): void {
    this.#added = { ...this.#added, ...members };
  }

  /** What the metadata (RFC 8414) states besides, or otherwise; nothing where there is no protected resource. */
  metadata(): Readonly<Record<string, unknown>> {
    const resources = this.#resources;
    const { PUBLIC_URL: issuer } = this.#configuration;
    if (resources.length === 0) {
      return {};
    }
    const scopes = resources.flatMap((entry) => [...entry.scopes.keys()]);
    return {
      authorization_endpoint: `${issuer}${providerPath}/oauth2/auth`,
      revocation_endpoint: `${issuer}${providerPath}/oauth2/revoke`,
      grant_types_supported: [
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'authorization_code',
        'refresh_token',
      ],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      scopes_supported: [...new Set(scopes), 'offline_access'],
      ...this.#added,
      protected_resources: resources.map(({ resource }) => resource),
    };
  }

  /**
   * Passes a token request on, within the process, on the same way as any that comes to the provider's endpoint.
   * @returns undefined where no code can be of the provider's.
   */
  async grant(request: FastifyRequest, body: unknown): Promise<ProviderAnswer | undefined> {
    const form = formSchema.safeParse(body);
    if (this.#resources.length === 0 || !form.success) {
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
        host: new URL(this.#configuration.PUBLIC_URL).host,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
      },
      remoteAddress: request.socket.remoteAddress ?? request.ip,
      payload: String(new URLSearchParams(pairs)),
    });
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  }

  get #resources() {
    return protectedResourcesOf(this.#configuration);
  }
}
