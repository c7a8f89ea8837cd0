import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ComponentChild } from 'preact';
import type { z } from 'zod';

/** Reads from the API what a part of a page shows; undefined if it can't be read now, and the rest of the page is sent. */
export type PartReader = <Schema extends z.ZodType>(
  path: string,
  schema: Schema,
) => Promise<z.output<Schema> | undefined>;

/** An organisation as a form offers it. */
export interface OrgChoice {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

/** What the feature that registers applications shows on core's pages. */
interface ApplicationSource {
  /** What a user has allowed applications. @param userId of another user, for administrators; undefined for the caller. */
  connectedApps(read: PartReader, userId?: string): Promise<ComponentChild>;
  /** Names of applications, by id. Those that are gone or can't be read now are missing. */
  namesOf(request: FastifyRequest, ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** What the feature that manages organisations shows on core's pages. */
export interface OrgSource {
  /** A user's own organisations, and invites to others. @param cursor of the page of organisations; undefined for the first one. */
  memberships(read: PartReader, cursor: string | undefined): Promise<ComponentChild>;
  /** The organisations that an administrator may choose from; not all, if there are many. */
  choices(request: FastifyRequest): Promise<readonly OrgChoice[]>;
}

/** What features show on core's pages. */
interface PageParts {
  readonly applications: ApplicationSource;
  readonly orgs: OrgSource;
}

/** What core's pages show of features; nothing, unless a feature has told its own when the gateway started. */
@Injectable()
export class FeatureParts {
  #parts: PageParts = {
    applications: { connectedApps: async () => undefined, namesOf: async () => new Map() },
    orgs: { memberships: async () => undefined, choices: async () => [] },
  };

  get applications(): ApplicationSource {
    return this.#parts.applications;
  }

  get orgs(): OrgSource {
    return this.#parts.orgs;
  }

  /** Shows these parts from now on. */
  use(parts: Partial<PageParts>): void {
    this.#parts = { ...this.#parts, ...parts };
  }
}
