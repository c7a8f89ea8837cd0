import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { type AccountAct } from '../auth/account.act.js';
import { AccountLife } from '../auth/account-life.service.js';
import { ProfileService } from '../auth/profile.service.js';
import type { UserRow } from '../database/database.schema.js';
import { type Page, decodeCursor, toPage } from '../http/page.cursor.js';
import { UserDirectory, requireUserId } from '../users/user.directory.js';
import type { UserChange } from '../users/user.changes.js';
import { toPerson, toPersonDetail } from './people.mapper.js';
import {
  idPositionSchema,
  keyPositionSchema,
  type personDetailSchema,
  type personSchema,
  type usersQuerySchema,
} from './people.schemas.js';

const maximumOrgs = 100;

type Person = z.output<typeof personSchema>;
type PersonDetail = z.output<typeof personDetailSchema>;

/** A user with the version that the answer's `ETag` names. */
export interface VersionedPerson {
  readonly person: PersonDetail;
  readonly version: number;
}

/** What administrators see and do of everybody's accounts. Ids are as callers gave them. */
@Injectable()
export class PeopleService {
  readonly #directory: UserDirectory;
  readonly #profiles: ProfileService;
  readonly #accounts: AccountLife;

  constructor(directory: UserDirectory, profiles: ProfileService, accounts: AccountLife) {
    this.#directory = directory;
    this.#profiles = profiles;
    this.#accounts = accounts;
  }

  /** @throws {Problem} `validation_failed` for a cursor that isn't of this list. */
  async list(query: z.output<typeof usersQuerySchema>): Promise<Page<Person>> {
    const { limit, cursor, ...filter } = query;
    const after =
      filter.search === undefined
        ? decodeCursor(idPositionSchema, cursor)
        : decodeCursor(keyPositionSchema, cursor);
    const users = await this.#directory.list(filter, limit + 1, after);
    return toPage(
      users,
      limit,
      ({ row }) => toPerson(row),
      ({ position }) => position,
    );
  }

  /** @throws {Problem} `not_found` */
  async find(id: string): Promise<VersionedPerson> {
    return this.#versioned(await this.#directory.require(id));
  }

  /** @throws {Problem} what {@link ProfileService.change} does. */
  async change(
    id: string,
    change: UserChange,
    ifMatch: string | undefined,
    act: AccountAct,
  ): Promise<VersionedPerson> {
    return this.#versioned(await this.#profiles.change(requireUserId(id), change, ifMatch, act));
  }

  /** @throws {Problem} `not_found`, `conflict` */
  async disable(id: string, act: AccountAct): Promise<VersionedPerson> {
    return this.#versioned(await this.#accounts.disable(requireUserId(id), act));
  }

  /** @throws {Problem} `not_found` */
  async enable(id: string, act: AccountAct): Promise<VersionedPerson> {
    return this.#versioned(await this.#accounts.enable(requireUserId(id), act));
  }

  /** @throws {Problem} `not_found`, `conflict`, `provider_unavailable` */
  async delete(id: string, act: AccountAct): Promise<void> {
    await this.#accounts.delete(requireUserId(id), act);
  }

  async #versioned(row: UserRow): Promise<VersionedPerson> {
    const identities = await this.#directory.identitiesOf(row.id);
    const orgs = await this.#directory.orgsOf(row.id, maximumOrgs);
    return { person: toPersonDetail(row, identities, orgs), version: row.version };
  }
}
