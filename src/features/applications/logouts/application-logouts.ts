import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { BackchannelLogoutService } from '../../../login/backchannel-logout.service.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { LogoutTokenVerifier } from '../../../providers/oidc/logout-token.js';
import { type ApplicationLogin, ApplicationLogins } from '../../../providers/ory/hydra/application-logins.js';
import { ApplicationLogoutDeliveries, longestTrying } from './application-logout-deliveries.js';
import { ApplicationLogoutRepository } from './application-logout.repository.js';

/** Takes Hydra's word that users were logged out of applications, and has these told. */
@Injectable()
export class ApplicationLogouts implements OnModuleInit, BeforeApplicationShutdown {
  readonly #logger = new Logger(ApplicationLogouts.name);
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    private readonly logins: ApplicationLogins,
    private readonly verifier: LogoutTokenVerifier,
    private readonly notices: BackchannelLogoutService,
    private readonly repository: ApplicationLogoutRepository,
    private readonly deliveries: ApplicationLogoutDeliveries,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.logins.listen({
      loggedIn: (login) => this.#note(login),
      forget: async (subject, clientId) => this.repository.forget(subject, clientId),
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /**
   * Takes a logout token of Hydra's for an application. It is stored before this resolves; the same one again changes nothing.
   * @throws {Problem} `malformed_request`, `provider_unavailable`, `database_unavailable`
   */
  async take(token: string): Promise<void> {
    const { audiences, ...notice } = await this.verifier.verifyForAny(token);
    this.notices.requireRecent(notice);
    const { jti, sid, subject } = notice;
    const now = this.clock.now();
    for (const clientId of audiences) {
      const known = sid === null ? undefined : await this.repository.subjectOf(sid, clientId);
      await this.repository.put({
        client_id: clientId,
        token_id: jti,
        sid,
        subject: known ?? subject,
        failures: 0,
        due_at: now,
        expires_at: now + longestTrying,
      });
    }
    this.deliveries.wake();
  }

  /** Records beside a login who logs in, if the application is to be told of the logout. */
  #note({ client, login_session_id: sid, subject }: ApplicationLogin): void {
    if (!client.backchannel_logout_uri || !sid) {
      return;
    }
    const writing = this.repository
      .noteLogin(sid, client.client_id, subject)
      .catch((error: unknown) =>
        this.#logger.warn('the login of an application could not be recorded', {
          reason: 'application_login_not_recorded',
          err: error,
        }),
      )
      .finally(() => this.#underWay.delete(writing));
    this.#underWay.add(writing);
  }
}
