import { ConnectionCode, type ConnectionSettings } from '../../platform/config/connection-kind.js';
import type { Clock } from '../../platform/time/clock.service.js';
import type { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import type { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import type { CompanyDirectory } from './company-directory.js';
import type { CompanyProvider } from './company.provider.js';

/** Who authenticates the users of a connection: a directory that checks their password, or a provider to which they are sent. */
export type Company =
  | { readonly by: 'password'; readonly directory: CompanyDirectory }
  | { readonly by: 'redirect'; readonly provider: CompanyProvider };

/** What a connection is made of besides its settings. */
export interface ConnectionParts {
  /** This gateway's own origin. */
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly calls: UpstreamCalls;
  /** Seconds for which a session lives that can't be confirmed. */
  readonly unconfirmedLife: number;
  /** Decides where it may lead; undefined: anywhere. */
  readonly hosts?: ChosenHosts | undefined;
}

/** Reaches the company of a connection with these settings. */
type ReachCompany<Settings> = (settings: Settings, parts: ConnectionParts) => Company;

/** The code of a kind of connection, which reaches companies. */
export class CompanyCode extends ConnectionCode {
  private constructor(
    readonly kind: string,
    readonly reach: ReachCompany<ConnectionSettings>,
  ) {
    super();
  }

  /** @param reach gets settings as the kind's parser has made them. */
  static of<Settings extends ConnectionSettings>(
    kind: Settings['kind'],
    reach: ReachCompany<Settings>,
  ): CompanyCode {
    const isOwn = (settings: ConnectionSettings): settings is Settings => settings.kind === kind;
    return new CompanyCode(kind, (settings, parts) => {
      if (!isOwn(settings)) {
        throw new TypeError(`${settings.kind} is another kind of connection than ${kind}`);
      }
      return reach(settings, parts);
    });
  }
}
