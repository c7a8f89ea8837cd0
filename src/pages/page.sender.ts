import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ComponentChild } from 'preact';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { policyFor } from '../http/security.headers.js';
import { LanguageCatalogue } from '../languages/language.catalogue.js';
import { SessionPeek } from '../session/session.peek.js';
import { AssetStore } from './asset.store.js';
import { renderPage } from './page.renderer.js';
import type { PageFrame } from './views/page.props.js';

/** How a page is sent. */
export interface PageOptions {
  /** Redirect URIs of an application that the page's form may end at. */
  readonly formTargets?: readonly string[];
  /** For pages that aren't translated. */
  readonly inEnglish?: boolean;
}

/** Renders views in the caller's language, under the product's name, for whoever is logged in. */
@Injectable()
export class PageSender {
  readonly #assets: AssetStore;
  readonly #languages: LanguageCatalogue;
  readonly #brand: PageFrame['brand'];
  readonly #sessions: SessionPeek;
  readonly #passwordLength: number | undefined;
  readonly #signUp: PageFrame['signUp'];

  constructor(
    assets: AssetStore,
    languages: LanguageCatalogue,
    sessions: SessionPeek,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#assets = assets;
    this.#languages = languages;
    this.#sessions = sessions;
    this.#brand = { name: configuration.BRAND_NAME };
    this.#passwordLength =
      configuration.AUTH_PROVIDER === 'ory' ? configuration.PASSWORD_MIN_LENGTH : undefined;
    this.#signUp = configuration.SIGNUP;
  }

  /** Answers with a page. */
  async send(
    request: FastifyRequest,
    reply: FastifyReply,
    page: ComponentChild,
    { formTargets = [], inEnglish = false }: PageOptions = {},
  ): Promise<void> {
    if (formTargets.length > 0) {
      void reply.header('content-security-policy', policyFor(formTargets));
    }
    void reply.header('vary', 'accept-language');
    await reply.type('text/html; charset=utf-8').send(this.render(request, page, inEnglish));
  }

  /** @returns a whole HTML document. */
  render(request: FastifyRequest, page: ComponentChild, inEnglish = false): string {
    const frame = this.frame(request);
    return renderPage(page, inEnglish ? { ...frame, language: this.#languages.english } : frame);
  }

  /** What every page of this request knows. */
  frame(request: FastifyRequest): PageFrame {
    const principal = this.#sessions.find(request);
    return {
      assets: this.#assets.addresses,
      brand: this.#brand,
      passwordLength: this.#passwordLength,
      signUp: this.#signUp,
      language: this.#languages.of(request.headers['accept-language']),
      user:
        principal === undefined
          ? null
          : {
              name: principal.user.name,
              email: principal.user.email,
              isAdmin: principal.claims.roles?.includes('admin') === true,
            },
    };
  }
}
