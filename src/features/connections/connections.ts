import { Injectable } from '@nestjs/common';
import { type Connection, domainOf } from './connection.js';
import { ConnectionMaker } from './connection-maker.js';
import { ConnectionSetting } from './connection-setting.js';
import { OrgConnections } from './owned/org-connections.js';

/** The connections of the deployment, and those of its organisations. */
@Injectable()
export class Connections {
  readonly #own: readonly Connection[];
  readonly #ownersMayConnect: boolean;

  constructor(
    setting: ConnectionSetting,
    maker: ConnectionMaker,
    private readonly orgs: OrgConnections,
  ) {
    const { CONNECTIONS, ORG_CONNECTION_KINDS } = setting.configuration;
    this.#own = CONNECTIONS.map((settings) => maker.ofDeployment(settings));
    this.#ownersMayConnect = ORG_CONNECTION_KINDS.length > 0;
  }

  /** Those of the deployment. */
  get ofDeployment(): readonly Connection[] {
    return this.#own;
  }

  /** Those of the deployment that no address leads to, which the login page offers by name. */
  get offered(): readonly Connection[] {
    return this.#own.filter(({ domains }) => domains.length === 0);
  }

  /** Whether every login begins with the address. What an organisation connects doesn't change the login of all others. */
  get areAskedFirst(): boolean {
    return this.#own.length > 0;
  }

  /** Whether there are any, or owners may make some: the first one of an organisation changes nobody else's login page. */
  async mayExist(): Promise<boolean> {
    return this.#own.length > 0 || this.#ownersMayConnect || this.orgs.exist();
  }

  async find(id: string): Promise<Connection | undefined> {
    return this.#own.find((connection) => connection.id === id) ?? (await this.orgs.find(id));
  }

  /** The connection of an address, by its domain (home realm discovery). That of the deployment precedes an organisation's. */
  async ofAddress(address: string): Promise<Connection | undefined> {
    const domain = domainOf(address);
    return domain === undefined
      ? undefined
      : (this.#own.find(({ domains }) => domains.includes(domain)) ?? (await this.orgs.ofDomain(domain)));
  }
}
