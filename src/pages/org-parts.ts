import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ComponentChild } from 'preact';
import type { PartReader } from './application-parts.js';

/** An organisation as a form offers it. */
export interface OrgChoice {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
}

/** What the feature that manages organisations shows on core's pages. */
export interface OrgSource {
  /** A user's own organisations, and invites to others. @param cursor of the page of organisations; undefined for the first one. */
  memberships(read: PartReader, cursor: string | undefined): Promise<ComponentChild>;
  /** The organisations that an administrator may choose from; not all, if there are many. */
  choices(request: FastifyRequest): Promise<readonly OrgChoice[]>;
}

/** What pages show of organisations; nothing, unless a feature has told its own when the gateway started. */
@Injectable()
export class OrgParts implements OrgSource {
  #source: OrgSource | undefined;

  /** Whether there are pages of organisations. */
  get exist(): boolean {
    return this.#source !== undefined;
  }

  use(source: OrgSource): void {
    this.#source = source;
  }

  async memberships(read: PartReader, cursor: string | undefined): Promise<ComponentChild> {
    return this.#source?.memberships(read, cursor);
  }

  async choices(request: FastifyRequest): Promise<readonly OrgChoice[]> {
    return (await this.#source?.choices(request)) ?? [];
  }
}
