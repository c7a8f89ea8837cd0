import { Injectable } from '@nestjs/common';
import type { GrantedConsent } from './hydra.schemas.js';

/** What else lets an application act for a person: a feature keeps it, in the form of Hydra's consents. */
export interface ConsentSource {
  /** What holds for an identity. */
  of(subject: string): Promise<readonly GrantedConsent[]>;
  /** Ends what an application may do for an identity, until the person agrees to it again. */
  end(subject: string, clientId: string): Promise<void>;
  /** Ends and forgets what all applications may do for an identity. */
  forget(subject: string): Promise<void>;
}

/** The consents that Hydra doesn't know of; none, unless a feature has told its own when the gateway started. */
@Injectable()
export class AddedConsents {
  #source: ConsentSource | undefined;

  use(source: ConsentSource): void {
    this.#source = source;
  }

  /** As {@link ConsentSource.of}. */
  async of(subject: string): Promise<readonly GrantedConsent[]> {
    return (await this.#source?.of(subject)) ?? [];
  }

  /** As {@link ConsentSource.end}. */
  async end(subject: string, clientId: string): Promise<void> {
    await this.#source?.end(subject, clientId);
  }

  /** As {@link ConsentSource.forget}. */
  async forget(subject: string): Promise<void> {
    await this.#source?.forget(subject);
  }
}
