import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ComponentChild } from 'preact';
import type { z } from 'zod';

/** Reads from the API what a part of a page shows; undefined if it can't be read now, and the rest of the page is sent. */
export type PartReader = <Schema extends z.ZodType>(
  path: string,
  schema: Schema,
) => Promise<z.output<Schema> | undefined>;

/** What the feature that registers applications shows on core's pages. */
export interface ApplicationSource {
  /** What a user has allowed applications. @param userId of another user, for administrators; undefined for the caller. */
  connectedApps(read: PartReader, userId?: string): Promise<ComponentChild>;
  /** Names of applications, by id. Those that are gone or can't be read now are missing. */
  namesOf(request: FastifyRequest, ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** What pages show of applications; nothing, unless a feature has told its own when the gateway started. */
@Injectable()
export class ApplicationParts implements ApplicationSource {
  #source: ApplicationSource | undefined;

  /** Whether there are pages of applications. */
  get exist(): boolean {
    return this.#source !== undefined;
  }

  use(source: ApplicationSource): void {
    this.#source = source;
  }

  async connectedApps(read: PartReader, userId?: string): Promise<ComponentChild> {
    return this.#source?.connectedApps(read, userId);
  }

  async namesOf(request: FastifyRequest, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return (await this.#source?.namesOf(request, ids)) ?? new Map();
  }
}
