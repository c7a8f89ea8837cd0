import type { ConnectionKind, ConnectionSettings } from '../../platform/config/connection-kind.js';
import { connectionKindsOf } from '../../platform/config/configuration.js';
import type { CoreSettings } from '../../platform/features/feature.js';
import { type Company, CompanyCode, type ConnectionParts } from './company-code.js';

/** The kinds of connections that there are, with their code. */
export class ConnectionKinds {
  private constructor(
    /** As their features declare them. */
    readonly declared: readonly ConnectionKind[],
    private readonly codes: readonly CompanyCode[],
  ) {}

  /** Loads the code of the kinds that the features of a deployment serve. */
  static async load(configuration: Pick<CoreSettings, 'features'>): Promise<ConnectionKinds> {
    const declared = connectionKindsOf(configuration);
    const codes = await Promise.all(
      declared.map(async ({ name, code }) => {
        const loaded = await code();
        if (!(loaded instanceof CompanyCode)) {
          throw new TypeError(`the kind of connection ${name} has no CompanyCode`);
        }
        return loaded;
      }),
    );
    return new ConnectionKinds(declared, codes);
  }

  /** Reaches the company of a connection. @param settings of one of these kinds. */
  reach(settings: ConnectionSettings, parts: ConnectionParts): Company {
    const code = this.codes.find(({ kind }) => kind === settings.kind);
    if (code === undefined) {
      throw new TypeError(`there is no kind of connection ${settings.kind}`);
    }
    return code.reach(settings, parts);
  }
}
