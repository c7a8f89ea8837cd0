import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import { type Configuration, protectedResourcesOf } from '../../platform/config/configuration.js';
import { innerCallHeaders } from '../../platform/http/inner-call.js';

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

/** Members of the metadata of an authorization server (RFC 8414 section 2). */
export interface ServerMetadata {
  readonly token_endpoint?: string;
  readonly grant_types_supported?: readonly string[];
  readonly [member: string]: unknown;
}

/** An answer of the provider's token endpoint. */
export interface ProviderAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * What the gateway is as an authorization server: what features make of it, and what it is for clients that get tokens for a protected
 * resource by themselves (`PROTECTED_RESOURCES`). Their users log in at the provider, whose endpoint for that its metadata names. The
 * gateway's own token endpoint passes their codes and refresh tokens on.
 */
@Injectable()
export class AuthorizationServer {
  readonly #configuration: Configuration;
  readonly #added: (() => ServerMetadata)[] = [];

  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** Adds members to the metadata, as a feature has them when it is read. */
  add(members: () => ServerMetadata): void {
    this.#added.push(members);
  }

  /** What the metadata states besides the core's, or otherwise. */
  metadata(): ServerMetadata {
    const added: ServerMetadata = Object.assign({}, ...this.#added.map((members) => members()));
    const resources = this.#resources;
    const { PUBLIC_URL: issuer } = this.#configuration;
    if (resources.length === 0) {
      return added;
    }
    const {
      token_endpoint: tokens = `${issuer}${providerPath}/oauth2/token`,
      grant_types_supported: grants = [],
    } = added;
    const scopes = resources.flatMap((entry) => [...entry.scopes.keys()]);
    return {
      ...added,
      token_endpoint: tokens,
      authorization_endpoint: `${issuer}${providerPath}/oauth2/auth`,
      revocation_endpoint: `${issuer}${providerPath}/oauth2/revoke`,
      grant_types_supported: [...new Set([...grants, 'authorization_code', 'refresh_token'])],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      scopes_supported: [...new Set(scopes), 'offline_access'],
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
