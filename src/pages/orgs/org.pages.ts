import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { ComponentChild } from 'preact';
import type { z } from 'zod';
import { requireId } from '../../orgs/org-access.js';
import { may } from '../../orgs/org.policy.js';
import { orgSchema } from '../../orgs/org.schemas.js';
import { ApiClient } from '../api.client.js';
import { PageSender } from '../page-sender.js';
import type { OpenOrg } from '../views/orgs/org-layout.view.js';

/** Number of entries on one page of a list. */
const entriesAtOnce = 50;

/** One page of a list. */
export interface ListPlace {
  /** Path of the list at the API, with any other query parameters. */
  readonly path: string;
  /** Cursor of the page, as in the URL; undefined for the first one. */
  readonly after?: string | undefined;
}

/** Reads organisations from the API, and sends their pages. Without the feature of organisations, none is found. */
@Injectable()
export class OrgPages {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: PageSender,
  ) {}

  /**
   * An organisation, and what the person may do there. The API checks every action again.
   * @param id id as in the URL.
   * @throws {Problem} `not_found`
   */
  async open({ request }: FastifyReply, id: string): Promise<OpenOrg> {
    const org = await this.api.read(request, orgPath(id), orgSchema);
    const isAdministrator = this.pages.frame(request).user?.isAdmin === true;
    return {
      org,
      can: (act, target) =>
        may(org.role ?? 'none', act, target) === 'allow' ||
        (isAdministrator && may('system', act, target) === 'allow'),
    };
  }

  /** The scopes that a form for a key offers. */
  scopes({ request }: FastifyReply): Iterable<string> {
    return this.pages.frame(request).scopes.keys();
  }

  /** Reads one page of a list. @throws {Problem} that the API answers with. */
  async list<Schema extends z.ZodType>(
    { request }: FastifyReply,
    { path, after }: ListPlace,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const [route, given] = path.split('?');
    const query = new URLSearchParams(given);
    query.set('limit', String(entriesAtOnce));
    if (after !== undefined) {
      query.set('cursor', after);
    }
    return this.api.read(request, `${route}?${query}`, schema);
  }

  /** Sends a page. @param status HTTP status. */
  async send(reply: FastifyReply, page: ComponentChild, status = 200): Promise<void> {
    void reply.code(status).header('cache-control', 'no-store');
    await this.pages.send(reply, page);
  }
}

/**
 * Path of an organisation at the API.
 * @param below a path below it, with a leading slash.
 * @throws {Problem} `not_found` if the id can't be one.
 */
export function orgPath(id: string, below = ''): string {
  return `/api/v1/orgs/${requireId(id)}${below}`;
}

/** Path of a page of an organisation. @throws {Problem} `not_found` if the id can't be one. */
export function orgPage(id: string, below = ''): string {
  return `/orgs/${requireId(id)}${below}`;
}
