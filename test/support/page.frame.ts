import type { ComponentChild } from 'preact';
import { LanguageCatalogue } from '../../src/platform/i18n/language.catalogue.js';
import { ownFeatures } from '../../src/app/features.js';
import { ScopeCatalogue } from '../../src/platform/features/scope.catalogue.js';
import { renderPage } from '../../src/pages/page-renderer.js';
import type { PageFrame } from '../../src/pages/views/page-props.js';

const languages = new LanguageCatalogue({
  LOCALES_DIR: undefined,
  DEFAULT_LANGUAGE: 'en',
  features: ownFeatures.map((feature) => ({ feature, settings: undefined })),
});

/** What a page of a visitor knows, in English unless said otherwise. */
export function testFrame(frame: Partial<PageFrame> = {}, language = 'en'): PageFrame {
  return {
    assets: {
      stylesheet: '/assets/vestibule.css',
      logo: '/assets/logo.svg',
      favicon: '/assets/favicon.svg',
      pageScript: '/assets/page.js',
      passkeysScript: '/assets/passkeys.js',
      demoScript: '/assets/demo.js',
      docsScript: '/assets/docs.js',
      docsStyles: '/assets/docs.css',
      swaggerStyles: '/assets/swagger-ui.css',
      swaggerScript: '/assets/swagger-ui-bundle.js',
    },
    brand: { name: 'Vestibule' },
    signUp: 'open',
    applications: 'here',
    features: new Set(['invites', 'organisations', 'user-administration']),
    scopes: new ScopeCatalogue(ownFeatures).scopes,
    language: languages.of(language),
    passwordLength: 10,
    user: null,
    ...frame,
  };
}

/** Where the self-service pages link to. */
export const flowLinks = {
  login: '/ui/login',
  registration: '/ui/registration',
  recovery: '/ui/recovery',
  home: '/',
  settings: '/ui/settings',
  verification: '/ui/verification',
  account: '/auth/login',
};

/** A view's HTML, as `PageSender` renders it. */
export function renderView(page: ComponentChild, frame: Partial<PageFrame> = {}, language = 'en'): string {
  return renderPage(page, testFrame(frame, language));
}
