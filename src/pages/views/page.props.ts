/** Where the pages find their files. Every address is on this origin; the stylesheet's carries a hash of its content. */
export interface PageAssets {
  /** Pico CSS and `vestibule.css` in one. */
  readonly stylesheet: string;
  readonly logo: string;
  readonly favicon: string;
  /** `demo.js`, a module. */
  readonly demoScript: string;
  /** `docs.js`, a classic script that runs after `swaggerScript`. */
  readonly docsScript: string;
  /** `docs.css`: the bar above Swagger UI, and the page's ground in light and dark. */
  readonly docsStyles: string;
  /** `swagger-ui.css` of swagger-ui-dist. */
  readonly swaggerStyles: string;
  /** `swagger-ui-bundle.js` of swagger-ui-dist. */
  readonly swaggerScript: string;
}

/** The person a page is rendered for, as far as the header needs it. */
export interface PageUser {
  readonly name: string | null;
  readonly email: string | null;
}
