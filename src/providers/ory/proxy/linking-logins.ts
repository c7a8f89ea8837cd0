import { z } from 'zod';
import type { Clock } from '../../../platform/time/clock.service.js';
import type { KratosClient } from '../kratos/kratos.client.js';

/** Milliseconds for which Kratos is believed to have no third-party login. */
const remembered = 300_000;
/** Where third parties send the browser after a login. */
const callback = '/self-service/methods/oidc/callback';

/** What tells the flows of logins apart. */
const loginFlowSchema = z.looseObject({
  request_url: z.string(),
  refresh: z.boolean().default(false),
  requested_aal: z.string().default('aal1'),
  ui: z.looseObject({ nodes: z.array(z.looseObject({ group: z.string() })) }),
});

/**
 * Logins that link a third-party login. If an account has the address of a third-party login that is new here, Kratos begins another flow in
 * which its user is to log in, and then writes the identity, whole, with the new credential, whatever the method of that login.
 *
 * Only a form with a password tells whose identity that is: a passkey, or the answer of another third party, has no turn yet.
 */
export class LinkingLogins {
  /** Until when no login is asked about, in milliseconds since the epoch. */
  #noneUntil = 0;

  constructor(
    private readonly kratos: Pick<KratosClient, 'findFlow'>,
    private readonly clock: Clock,
  ) {}

  /** Whether Kratos has said lately that there are no third-party logins. */
  get areKnownAsNone(): boolean {
    return this.clock.now() < this.#noneUntil;
  }

  /**
   * Whether a login in this flow may link. Kratos is asked, which may still take a form of a flow that it doesn't show to this browser.
   * @param flow its id. @param header the request's Cookie header. @throws {Problem} `provider_unavailable`
   */
  async mayLink(flow: string | undefined, header: string | undefined): Promise<boolean> {
    if (flow === undefined || this.areKnownAsNone) {
      return false;
    }
    const { data: found } = loginFlowSchema.safeParse(await this.kratos.findFlow('login', flow, header));
    if (found === undefined || found.request_url.includes(callback)) {
      return true;
    }
    const groups = new Set(found.ui.nodes.map(({ group }) => group));
    const isComplete = !found.refresh && found.requested_aal === 'aal1' && groups.has('password');
    if (isComplete && !groups.has('oidc') && !groups.has('identifier_first')) {
      this.#noneUntil = this.clock.now() + remembered;
    }
    return false;
  }
}
