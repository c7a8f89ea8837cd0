import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { type FormPost, FormPostPage } from '../providers/ory/proxy/form-post.page.js';
import { PageSender, localesIn } from './page-sender.js';
import { FormPostView } from './views/form-post.view.js';

const querySchema = z.looseObject({ ui_locales: z.string().optional().catch(undefined) });

/** The page that posts an answer to an application: at once where scripts run, otherwise by a button. */
@Injectable()
export class OwnFormPostPage extends FormPostPage {
  constructor(private readonly pages: PageSender) {
    super();
  }

  override render(post: FormPost, request: FastifyRequest): string {
    const locales = localesIn(querySchema.safeParse(request.query).data?.ui_locales);
    return this.pages.render(request, h(FormPostView, post), { locales });
  }
}
