import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { RateLimits } from '../../directory/rate-limit/rate-limits.js';
import { HydraDiscovery } from '../../providers/ory/hydra/hydra-discovery.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { OAuthRefusal, answerClient } from '../../providers/ory/proxy/oauth-refusal.js';
import { parametersIn } from '../../providers/ory/proxy/query-limit.js';
import { peekBody, replaceBody } from '../../providers/ory/proxy/whole-body.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { deviceGrantType } from '../../session/tokens/token-types.js';
import { DeviceLogins } from './device-logins.js';
import type { DeviceLoginRow } from './device.schema.js';
import { HydraDevices } from './hydra-devices.js';

/** After the prefix of Hydra; where Hydra 26 has its own, which is never asked. */
const endpoint = '/oauth2/device/auth';

/** The two endpoints of a device, in front of Hydra: it asks for its codes (RFC 8628 section 3.1), and then for its tokens (section 3.4). */
@Injectable()
export class DeviceGate {
  readonly #redemptions = new WeakMap<Exchange, DeviceLoginRow>();

  constructor(
    private readonly logins: DeviceLogins,
    private readonly devices: HydraDevices,
    private readonly applications: ApplicationAuthentication,
    private readonly resources: ResourceRegistry,
    private readonly limits: RateLimits,
    discovery: HydraDiscovery,
    gates: AddedGates,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
  ) {
    const gate = {
      name: 'device',
      admit: async (exchange: Exchange) => this.#admit(exchange),
      settle: async (exchange: Exchange) => this.#settle(exchange),
    };
    gates.add('clients', gate, [{ methods: ['POST'], path: /^\/oauth2\/device\/auth$/ }]);
    discovery.add({ device_authorization_endpoint: `${PUBLIC_URL}/ory/hydra${endpoint}` }, deviceGrantType);
  }

  /** @returns whether the request is answered. */
  async #admit(exchange: Exchange): Promise<boolean> {
    const { request, reply, path } = exchange;
    const isConcerned = request.method === 'POST' && (path === endpoint || path === '/oauth2/token');
    if (!isConcerned) {
      return false;
    }
    const form = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const asked = parametersIn(form);
    try {
      if (path === endpoint) {
        await answerClient(reply, await this.#begin(exchange, asked));
        return true;
      }
      if (asked.get('grant_type') === deviceGrantType) {
        await this.#redeem(exchange, asked);
      }
      return false;
    } catch (error) {
      if (!(error instanceof OAuthRefusal || error instanceof OAuthError)) {
        throw error;
      }
      if (error.code === 'authorization_pending') {
        // One that asks too often is counted.
        this.limits.excuse(request);
      } else if (error.code !== 'slow_down') {
        request.log.info({ error: error.code, reason: error.reason }, 'request of a device refused');
      }
      await answerClient(reply, error);
      return true;
    }
  }

  /** @throws {OAuthRefusal} */
  async #begin(
    { request, presented }: Exchange,
    asked: URLSearchParams,
  ): Promise<Readonly<Record<string, unknown>>> {
    const application = await this.applications.authenticate(presented);
    if (!application.deviceLogin) {
      throw new OAuthRefusal('unauthorized_client', 'the application is not set up for logins on devices');
    }
    if (asked.has('resource') || asked.has('audience')) {
      throw new OAuthRefusal('invalid_target', 'tokens of a device are for no resource', 'device_resource');
    }
    const own = application.scope.filter((token) => !this.resources.scopes.includes(token));
    const given = [...new Set(scopeTokens(asked.get('scope') ?? ''))];
    const scope = given.length > 0 ? given : own.filter((token) => token !== 'offline_access');
    if (!scope.every((token) => own.includes(token))) {
      throw new OAuthRefusal('invalid_scope', 'the application may not ask for this scope');
    }
    return this.logins.begin({
      clientId: application.id,
      scope: scope.join(' '),
      machine: null,
      from: request.ip,
    });
  }

  /** Has Hydra exchange the code of a login that the user has allowed. @throws {OAuthError} */
  async #redeem(exchange: Exchange, asked: URLSearchParams): Promise<void> {
    await this.applications.authenticate(exchange.presented);
    const login = await this.logins.redeem(asked.get('device_code') ?? '', exchange.presented?.id ?? '');
    this.#redemptions.set(exchange, login);
    if ((await this.devices.find(login)) === undefined) {
      throw new OAuthError('access_denied', 'the application is not set up for logins on devices');
    }
    const credential = ['client_id', 'client_secret'].flatMap((name) => {
      const value = asked.get(name);
      return value === null ? [] : [[name, value]];
    });
    const body = Buffer.from(
      String(new URLSearchParams([...Object.entries(this.devices.exchangeOf(login)), ...credential])),
    );
    exchange.hasCode = true;
    exchange.length = body.length;
    replaceBody(exchange.request, body);
  }

  /** A wrong secret, or an outage, uses up nothing. */
  async #settle(exchange: Exchange): Promise<undefined> {
    const login = this.#redemptions.get(exchange);
    if (login !== undefined) {
      const { statusCode } = exchange.reply;
      this.#redemptions.delete(exchange);
      await this.logins.settle(login, statusCode === 401 || statusCode === 429 || statusCode >= 500);
    }
    return undefined;
  }
}
