import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import type { IdentitySource } from './identity-source.js';

/** A login of a company to which users can be led. */
export interface CompanyLogin {
  readonly id: string;
}

/** Who knows the logins of companies. */
export interface CompanyLoginSource {
  /** Their users and sessions. */
  readonly identities: IdentitySource;
  /** Whether every login begins with the address. */
  readonly areAskedFirst: boolean;
  /** Whether there are any, or may be some soon. */
  mayExist(): Promise<boolean>;
  find(id: string): Promise<CompanyLogin | undefined>;
  /** The login by which the user of an account of this site must log in; undefined if that account will do. */
  requiredOf(
    identity: Pick<ProviderIdentity, 'issuer' | 'subject' | 'email'>,
  ): Promise<CompanyLogin | undefined>;
  /** The login by which users with an address must log in, but for those whom it can't vouch for. */
  requiredOfAddress(email: string): Promise<CompanyLogin | undefined>;
  /** The address that the user typed on the first page of this login. */
  typedAddress(request: FastifyRequest): string | undefined;
}

/** The logins of companies; none, unless a feature has told its own when the gateway started. */
@Injectable()
export class CompanyLogins {
  #source: CompanyLoginSource | undefined;

  use(source: CompanyLoginSource): void {
    this.#source = source;
  }

  get source(): CompanyLoginSource | undefined {
    return this.#source;
  }
}
