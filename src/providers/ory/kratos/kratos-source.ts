import { allInTurn } from '../../../platform/core/settled.js';
import {
  type BrowserSession,
  IdentitySource,
  type SessionKey,
  type SourceSession,
  type SourceUser,
} from '../sources/identity-source.js';
import type { KratosClient } from './kratos.client.js';
import {
  type KratosIdentity,
  type KratosSession,
  amrOf,
  kratosIssuer,
  toProviderIdentity,
} from './kratos-session.js';

/** Kratos as a source of identities: it has every subject that no other source has. */
export class KratosSource extends IdentitySource {
  constructor(private readonly kratos: KratosClient) {
    super();
  }

  async issuerOf(): Promise<string> {
    return kratosIssuer;
  }

  async browserSession(header: string | undefined): Promise<BrowserSession> {
    const whoami = await this.kratos.whoami(header);
    return whoami.state === 'live'
      ? { state: 'live', session: await this.#toSession(whoami.session) }
      : whoami;
  }

  async findSession({ id }: SessionKey): Promise<SourceSession | undefined> {
    const session = await this.kratos.findSession(id);
    return session && this.#toSession(session);
  }

  async findUser(subject: string): Promise<SourceUser | undefined> {
    const identity = await this.kratos.findIdentity(subject);
    return identity && toUser(identity);
  }

  async endSession({ id }: SessionKey): Promise<void> {
    await this.kratos.revokeSession(id);
  }

  async endSessions(subject: string, except?: string, begunAfter?: number): Promise<void> {
    await this.kratos.endSessions(subject, except, begunAfter);
  }

  async setActive(subject: string, active: boolean): Promise<void> {
    await allInTurn([
      () => this.kratos.setState(subject, active ? 'active' : 'inactive'),
      ...(active ? [] : [() => this.kratos.endSessions(subject)]),
    ]);
  }

  async deleteUser(subject: string): Promise<void> {
    await this.kratos.deleteIdentity(subject);
  }

  /** Kratos keeps the level of a session when its user removes the second factor; here it falls with it. */
  async #toSession(session: KratosSession): Promise<SourceSession> {
    const isStrong = session.authenticator_assurance_level === 'aal2';
    const methods = isStrong ? await this.kratos.loginMethodsOf(session.identity.id) : undefined;
    const hasLostFactor = methods?.secondFactors.length === 0;
    const amr = amrOf(session);
    return {
      ...toUser(session.identity),
      id: session.id,
      amr: hasLostFactor ? amr.filter((method) => method !== 'mfa') : amr,
      acr: isStrong && !hasLostFactor ? 'aal2' : 'aal1',
      hasLostFactor,
      authTime: session.authenticated_at,
      begunAt: session.authenticated_at,
    };
  }
}

function toUser(identity: KratosIdentity): SourceUser {
  return {
    identity: toProviderIdentity(identity),
    isActive: identity.state === 'active',
    profile: identity.traits,
  };
}
