import type { ComponentChildren, VNode } from 'preact';
import { usePage } from './page-props.js';

/** A script of this origin. Modules and deferred scripts both run once the document has been parsed. */
export interface PageScript {
  readonly src: string;
  readonly module?: boolean;
  /** Subresource integrity of a script that isn't ours. */
  readonly integrity?: string | undefined;
}

interface DocumentProps {
  /** Title without the product's name, which is appended. */
  readonly title: string;
  readonly stylesheets: readonly string[];
  readonly scripts?: readonly PageScript[] | undefined;
  readonly children: ComponentChildren;
}

/**
 * The `<html>` of every page: language, viewport, colour scheme; styles and scripts only by URL (strict CSP). A page of another origin has
 * no script.
 */
export function Document({ title, stylesheets, scripts = [], children }: DocumentProps): VNode {
  const { assets, brand, language, base } = usePage();
  return (
    <html lang={language.tag}>
      <head>
        <meta charset="utf-8" />
        {base !== undefined && <base href={`${base}/`} />}
        <title>{`${title} · ${brand.name}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <meta name="theme-color" content="#f3f6f5" media="(prefers-color-scheme: light)" />
        <meta name="theme-color" content="#101617" media="(prefers-color-scheme: dark)" />
        <link rel="icon" href={assets.favicon} />
        {stylesheets.map((href) => (
          <link key={href} rel="stylesheet" href={href} />
        ))}
        {(base === undefined ? scripts : []).map(({ src, module, integrity }) => (
          <script
            key={src}
            src={src}
            integrity={integrity}
            type={module === true ? 'module' : undefined}
            defer={module !== true}
          />
        ))}
      </head>
      <body>{children}</body>
    </html>
  );
}
