import { randomBytes } from 'node:crypto';
import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { CurrentUser } from '../../../session/guards/access.decorators.js';
import { requireVerifiedEmail } from '../../../session/guards/authorization.js';
import { type Principal, isAdministrator } from '../../../session/principal.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { orgSchema } from '../../../orgs/org.schemas.js';
import { orgListSchema } from '../org-management.schemas.js';
import { slugsOf } from '../org-slug.js';
import { ApiClient } from '../../../pages/api.client.js';
import { formField, seeOther } from '../../../pages/form-answer.js';
import { formErrorsOf } from '../../../pages/form-errors.js';
import { NewOrgPage } from '../views/new-org.view.js';
import { OrgPages } from '../../../pages/orgs/org.pages.js';

/** Milliseconds in which a form that is sent again refers to the organisation that it has already created. */
const sameForm = 60_000;

const formSchema = z.object({
  name: formField.transform((name) => name.trim()),
  slug: formField.transform((slug) => slug.trim()),
  formId: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .catch(newFormId),
});

const texts = {
  fields: { name: 'orgs.error.name', slug: 'orgs.error.slug' },
  conflicts: { slug_taken: { text: 'orgs.error.slugTaken', field: 'slug' } },
  quota: 'orgs.error.tooManyMade',
} as const;

/** The form for a new organisation. */
@ApiExcludeController()
@Controller('orgs')
export class NewOrgController {
  constructor(
    private readonly api: ApiClient,
    private readonly pages: OrgPages,
    private readonly clock: Clock,
  ) {}

  @Get('new')
  async form(@CurrentUser() principal: Principal, @Res() reply: FastifyReply): Promise<void> {
    if (!isAdministrator(principal)) {
      // The API refuses it, too; but then the form would be filled in for nothing.
      requireVerifiedEmail(principal.claims, {});
    }
    await this.pages.send(reply, h(NewOrgPage, { formId: newFormId() }));
  }

  @Post()
  async create(
    @Body({ schema: formSchema }) values: z.output<typeof formSchema>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { name, slug, formId } = values;
    // The short name is derived here and not by the API: the same form then always asks for the same names, and creates one
    // organisation.
    const derived = slugsOf(name, formId);
    const candidates = slug === '' ? new Set([derived.plain ?? derived.unique, derived.unique]) : [slug];
    let made: { id: string } | { conflict: unknown } = { conflict: undefined };
    try {
      for (const candidate of candidates) {
        made = await this.#make(reply, name, candidate);
        if ('id' in made) {
          await seeOther(reply, `/orgs/${made.id}`, 'org_created');
          return;
        }
      }
      throw made.conflict;
    } catch (error) {
      const { status, form } = formErrorsOf(error, values, texts);
      await this.pages.send(reply, h(NewOrgPage, { formId, form }), status);
    }
  }

  /**
   * Creates an organisation with this name, or finds the one that the same form has just created. Returns a conflict
   * otherwise.
   */
  async #make(
    reply: FastifyReply,
    name: string,
    slug: string,
  ): Promise<{ id: string } | { conflict: unknown }> {
    try {
      const call = { method: 'POST', path: '/api/v1/orgs', body: { name, slug } } as const;
      return await this.api.change(reply, call, orgSchema);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'conflict') {
        throw error;
      }
      const id = await this.#justMade(reply, name, slug);
      return id === undefined ? { conflict: error } : { id };
    }
  }

  async #justMade(reply: FastifyReply, name: string, slug: string): Promise<string | undefined> {
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: URLSearchParams = new URLSearchParams({
        limit: '100',
        ...(cursor === '' ? {} : { cursor }),
      });
      const { items, nextCursor }: z.output<typeof orgListSchema> = await this.api.read(
        reply.request,
        `/api/v1/orgs?${query}`,
        orgListSchema,
      );
      const twin = items.find(
        (org) => org.slug === slug && org.name === name && org.role === 'owner' && this.#isNew(org.createdAt),
      );
      if (twin !== undefined) {
        return twin.id;
      }
      cursor = nextCursor;
    }
    return undefined;
  }

  #isNew(createdAt: string): boolean {
    return this.clock.now() - Date.parse(createdAt) < sameForm;
  }
}

function newFormId(): string {
  return randomBytes(4).toString('hex');
}
