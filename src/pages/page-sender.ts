import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ComponentChild } from 'preact';
import { CONFIGURATION } from '../platform/config/config.module.js';
import { type Configuration, featuresOf } from '../platform/config/configuration.js';
import { ScopeCatalogue } from '../platform/features/scope.catalogue.js';
import { applicationHostOf } from '../platform/http/application-hosts.js';
import { policyFor } from '../platform/http/security-headers.js';
import { LanguageCatalogue } from '../platform/i18n/language.catalogue.js';
import { SessionPeek } from '../session/session-peek.js';
import { AssetStore } from './asset.store.js';
import { renderPage } from './page-renderer.js';
import type { PageFrame } from './views/page-props.js';

/** Options for sending a page. */
export interface PageOptions {
  /** Redirect URIs of an application; the content security policy lets the page's form lead to them. */
  readonly formTargets?: readonly string[];
  /** Whether the page shows a picture of another host: the user's own, or the logo of an application. Default false. */
  readonly showsPicture?: boolean;
  /** Whether the page is in English for everyone, because it isn't translated. Default false. */
  readonly inEnglish?: boolean;
  /** Languages that an application asks for, in order of preference; the first one that exists precedes the browser's. */
  readonly locales?: readonly string[];
}

/** Renders views in the caller's language, under the product's name, for the user who is logged in. */
@Injectable()
export class PageSender {
  readonly #publicUrl: string;
  /** What is the same on every page. */
  readonly #fixed: Omit<PageFrame, 'base' | 'language' | 'user'>;

  constructor(
    assets: AssetStore,
    private readonly languages: LanguageCatalogue,
    private readonly sessions: SessionPeek,
    { scopes }: ScopeCatalogue,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    const features = new Set(featuresOf(configuration).map(({ name }) => name));
    const isOry = configuration.AUTH_PROVIDER === 'ory';
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#fixed = {
      assets: assets.addresses,
      brand: { name: configuration.BRAND_NAME },
      passwordLength: isOry ? configuration.PASSWORD_MIN_LENGTH : undefined,
      signUp: configuration.SIGNUP,
      applications: features.has('applications') ? 'here' : isOry ? 'nowhere' : 'elsewhere',
      features,
      scopes,
    };
  }

  /** Whether the deployment has a feature. */
  hasFeature(name: string): boolean {
    return this.#fixed.features.has(name);
  }

  /** Sends a page. */
  async send(
    reply: FastifyReply,
    page: ComponentChild,
    { formTargets = [], showsPicture = false, inEnglish = false, locales = [] }: PageOptions = {},
  ): Promise<void> {
    if (formTargets.length > 0 || showsPicture) {
      void reply.header('content-security-policy', policyFor(formTargets, showsPicture));
    }
    void reply.header('vary', 'accept-language');
    await reply
      .type('text/html; charset=utf-8')
      .send(this.render(reply.request, page, { inEnglish, locales }));
  }

  /** Renders a page without sending it. @returns a whole HTML document. */
  render(
    request: FastifyRequest,
    page: ComponentChild,
    { inEnglish = false, locales = [] }: Pick<PageOptions, 'inEnglish' | 'locales'> = {},
  ): string {
    const frame = this.frame(request, locales);
    return renderPage(page, inEnglish ? { ...frame, language: this.languages.english } : frame);
  }

  /** What every page of this request needs: files, brand, language and the user. */
  frame(request: FastifyRequest, locales: readonly string[] = []): PageFrame {
    const host = applicationHostOf(request);
    // A page on another host has no links for members: a script there could press its buttons.
    const principal = host === undefined ? this.sessions.find(request) : undefined;
    return {
      ...this.#fixed,
      base: host && this.#publicUrl,
      language: this.languages.preferred(locales) ?? this.languages.of(request.headers['accept-language']),
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

/** The languages in a request's `ui_locales` (OpenID Connect Core section 3.1.2.1). */
export function localesIn(given: unknown): readonly string[] {
  return typeof given === 'string' ? given.split(' ') : [];
}
