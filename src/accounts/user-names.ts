import { Inject, Injectable } from '@nestjs/common';
import { isReservedName } from '../auth-strategy/reserved-names.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { displayNameForm, isVisible } from '../platform/core/display-name.js';
import { Problem } from '../platform/errors/problem.error.js';

/**
 * Decides which names users may give themselves and service accounts: programs and people believe them, such as `X-Auth-Name` and a
 * list of members.
 */
@Injectable()
export class UserNames {
  readonly #brand: string;

  constructor(@Inject(CONFIGURATION) { BRAND_NAME }: Configuration) {
    this.#brand = BRAND_NAME;
  }

  /** Whether only administrators may give a name. It is so as a whole: `Root` is reserved, and a person called Anna Root isn't. */
  isReserved(name: string): boolean {
    return isReservedName(name, this.#brand);
  }

  /** Whether others can read a name as it is. Without any, users have none. */
  isReadable(name: string): boolean {
    return name === '' || (displayNameForm.test(name) && isVisible(name));
  }

  /** Requires a name that users may give. @throws {Problem} `validation_failed` */
  require(name: string): void {
    if (!this.isReadable(name)) {
      throw new Problem('validation_failed', {
        errors: [
          { field: 'name', message: 'must have a character that can be seen, and no control characters' },
        ],
        reason: 'user_name_unreadable',
      });
    }
    if (this.isReserved(name)) {
      throw new Problem('validation_failed', {
        errors: [
          { field: 'name', message: 'is reserved: only administrators of the deployment may give it' },
        ],
        reason: 'user_name_reserved',
      });
    }
  }
}
