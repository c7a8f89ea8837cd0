import { Injectable } from '@nestjs/common';
import type { ConnectionKind, ConnectionSettings } from '../../platform/config/connection-kind.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { type Connection, type ConnectionMakings, type ConnectionOwner, connectionOf } from './connection.js';
import { ConnectionKinds } from './connection-kinds.js';
import { ConnectionSetting } from './connection-setting.js';

/** Makes connections of their settings. */
@Injectable()
export class ConnectionMaker {
  readonly #makings: ConnectionMakings;

  constructor(
    { publicUrl, unconfirmedLife }: ConnectionSetting,
    kinds: ConnectionKinds,
    calls: UpstreamCalls,
    clock: Clock,
    /** Decides where the connections of organisations may lead. */
    readonly hosts: ChosenHosts,
  ) {
    this.#makings = { kinds, publicUrl, unconfirmedLife, calls, clock };
  }

  /** The kinds of connections that there are, as their features declare them. */
  get kinds(): readonly ConnectionKind[] {
    return this.#makings.kinds.declared;
  }

  /** Makes a connection of the deployment, which may lead anywhere. */
  ofDeployment(settings: ConnectionSettings): Connection {
    return connectionOf(settings, this.#makings);
  }

  /** Makes a connection of an organisation. @param owner undefined for one that is only tried out. */
  ofOrg(settings: ConnectionSettings, owner?: ConnectionOwner): Connection {
    return connectionOf(settings, { ...this.#makings, hosts: this.hosts }, owner);
  }
}
