import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { AuthorizationServer } from '../../session/discovery/authorization-server.js';
import { invalidForm, toRefusal } from '../../session/tokens/oauth.error.js';
import { type Granted, type TokenGrant, TokenGrants } from '../../session/tokens/token-grants.js';
import { deviceGrantType } from '../../session/tokens/token-types.js';
import { type AskingClient, type DeviceClient, DeviceClients } from '../device-login/device-clients.js';
import type { DeviceLoginRow } from '../device-login/device.schema.js';
import { DeviceLogins } from '../device-login/device-logins.js';
import { refusedCode } from './command-line-grant.js';
import { CommandLineKeys } from './command-line-keys.js';
import { CommandLineLogins } from './command-line-login.service.js';
import { commandLineClient, deviceCodeFormSchema } from './command-line.schemas.js';

/** The device grant of command lines on machines without a browser. */
@Injectable()
export class CommandLineDevices implements DeviceClient, TokenGrant, OnModuleInit {
  readonly type = deviceGrantType;
  readonly clientId = commandLineClient;
  readonly purpose = 'a command line without a browser';
  readonly #endpoint: string;

  constructor(
    private readonly devices: DeviceLogins,
    private readonly logins: CommandLineLogins,
    private readonly keys: CommandLineKeys,
    private readonly clients: DeviceClients,
    private readonly grants: TokenGrants,
    private readonly server: AuthorizationServer,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#endpoint = `${PUBLIC_URL}/auth/device`;
  }

  onModuleInit(): void {
    this.clients.add(this);
    this.grants.add(this);
    this.server.add(() => ({ device_authorization_endpoint: this.#endpoint }));
  }

  async find({ client_id: id, machine }: DeviceLoginRow): Promise<AskingClient | undefined> {
    return id === commandLineClient
      ? { name: `vestibule login (${machine ?? ''})`, hasEverything: true }
      : undefined;
  }

  async allow(login: DeviceLoginRow, sessionId: string): Promise<'done' | undefined> {
    return (await this.devices.complete(login, sessionId, null)) ? 'done' : undefined;
  }

  /** Grants a key for a device code. @param body the form as it came. @throws {OAuthError}; {Problem} when a dependency can't be reached. */
  async grant(body: unknown, client: ClientInfo): Promise<Granted> {
    const form = deviceCodeFormSchema.safeParse(body);
    if (!form.success) {
      throw invalidForm(form.error);
    }
    const login = await this.devices.redeem(form.data.device_code, commandLineClient);
    let granted: Granted | undefined;
    try {
      const principal = await this.logins.principalIn(login.session_id ?? '', client);
      granted = await this.keys.make({ principal, client }, login.machine ?? '');
      return granted;
    } catch (error) {
      throw toRefusal(error, refusedCode, 'command_line_login_failed');
    } finally {
      await this.devices.settle(login, granted === undefined);
    }
  }
}
