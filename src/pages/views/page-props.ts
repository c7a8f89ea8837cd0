import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { FeatureTexts } from '../../platform/i18n/feature-texts.js';
import type { OwnTexts, PageLanguage } from '../../platform/i18n/page-language.js';

/** URLs of the pages' files. Each is on this origin, and contains a hash of the file's content. */
export interface PageAssets {
  /** Pico CSS and `vestibule.css` in one. */
  readonly stylesheet: string;
  readonly logo: string;
  readonly favicon: string;
  /** `page.js`, a classic script that every page has. */
  readonly pageScript: string;
  /** `demo.js`, a module. */
  readonly demoScript: string;
  /** `passkeys.js`, a classic script that runs after Kratos' own. */
  readonly passkeysScript: string;
  /** `docs.js`, a classic script that runs after `swaggerScript`. */
  readonly docsScript: string;
  /** `docs.css`: the bar above Swagger UI, and the page's ground in light and dark. */
  readonly docsStyles: string;
  /** `swagger-ui.css` of swagger-ui-dist. */
  readonly swaggerStyles: string;
  /** `swagger-ui-bundle.js` of swagger-ui-dist. */
  readonly swaggerScript: string;
}

/** The person that a page is rendered for, as far as every page needs it. */
export interface PageUser {
  readonly name: string | null;
  readonly email: string | null;
  /** Whether they administer the deployment. */
  readonly isAdmin: boolean;
}

/** What every page needs in addition to its own content. */
export interface PageFrame {
  readonly assets: PageAssets;
  /** The product that people log in to. */
  readonly brand: { readonly name: string };
  readonly language: PageLanguage;
  /** Minimum length of a new password, in characters; undefined if another provider manages passwords. */
  readonly passwordLength?: number | undefined;
  /** Where applications are registered: here, at another provider, or nowhere without the feature. */
  readonly applications: 'here' | 'elsewhere' | 'nowhere';
  /** Names of the features that the deployment has. */
  readonly features: ReadonlySet<string>;
  /** The scopes of the deployment's API, with what each opens. */
  readonly scopes: ReadonlyMap<string, string>;
  /** Who may get a new account. */
  readonly signUp: 'open' | 'invite' | 'closed';
  /** Origin whose links and files the page has; undefined if it's the page's own. */
  readonly base?: string | undefined;
  /** Null for a visitor: the header then offers Log in and Sign up. */
  readonly user: PageUser | null;
}

const Frame = createContext<PageFrame | null>(null);

/** Provides the frame to everything inside. */
export const PageFrameProvider = Frame.Provider;

/** The page's frame. @throws {Error} outside of one. */
export function usePage(): PageFrame {
  const frame = useContext(Frame);
  if (frame === null) {
    throw new Error('a view was rendered without its page');
  }
  return frame;
}

/** The texts of the page's language. */
export function useLanguage(): PageLanguage {
  return usePage().language;
}

/** The texts of the page's language, with those of a feature. */
export function useTexts<Key extends string>(texts: FeatureTexts<Key>): OwnTexts<Key> {
  return useLanguage().with(texts);
}
