import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { maximumLogo } from '../platform/config/common.variables.js';
import { ConfigurationError } from '../platform/config/configuration.js';
import type { PageAssets } from './views/page-props.js';

const compress = promisify(gzip);
const require = createRequire(import.meta.url);

/** One file as it's served. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  /** Compressed on the first request that accepts gzip. */
  gzipped?: Promise<Buffer>;
}

const own = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');

/** A file of a package: beside our own where a build has put it (scripts/join-gateway.mjs). */
function vendored(path: string): Buffer {
  const built = new URL(`./assets/${basename(path)}`, import.meta.url);
  return readFileSync(existsSync(built) ? built : require.resolve(path));
}

const types = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  png: 'image/png',
  webp: 'image/webp',
} as const;

type Extension = keyof typeof types;

const logoTypes = ['svg', 'png', 'webp'] as const;

/** A product's colour, as far as files have it. */
export interface BrandColour {
  /** CSS rules that are appended to the style sheets. */
  readonly styles: string;
  /** Vestibule's own logo → the same in the product's colour. */
  readonly logoOf: (svg: string) => string;
}

const noBrandColour: BrandColour = { styles: '', logoOf: (svg) => svg };

/** The pages' files, each under a name that changes with its content. */
export class AssetStore {
  readonly #assets = new Map<string, Asset>();
  /** Addresses of the files. */
  readonly addresses: PageAssets;

  /**
   * @param logoFile path of the product's own logo.
   * @param brand the product's colour.
   * @throws {ConfigurationError} if the logo can't be read or is too large.
   */
  constructor(logoFile: string | undefined, { styles, logoOf }: BrandColour = noBrandColour) {
    const logo = logoFile === undefined ? undefined : this.#logo(logoFile);
    this.addresses = {
      stylesheet: this.#add(
        'vestibule',
        'css',
        `${vendored('@picocss/pico/css/pico.classless.min.css')}${own('vestibule.css')}${styles}`,
      ),
      logo: logo ?? this.#add('logo', 'svg', logoOf(own('logo.svg'))),
      favicon: logo ?? this.#add('favicon', 'svg', logoOf(own('favicon.svg'))),
      pageScript: this.#add('page', 'js', own('page.js')),
      passkeysScript: this.#add('passkeys', 'js', own('passkeys.js')),
      demoScript: this.#add('demo', 'js', own('demo.js')),
      docsScript: this.#add('docs', 'js', own('docs.js')),
      docsStyles: this.#add('docs', 'css', own('docs.css') + styles),
      swaggerStyles: this.#addUnread('swagger-ui', 'css', 'swagger-ui-dist/swagger-ui.css'),
      swaggerScript: this.#addUnread('swagger-ui', 'js', 'swagger-ui-dist/swagger-ui-bundle.js'),
    };
  }

  /** The file of this name, for example `vestibule.Xy12.css`. */
  find(name: string): Asset | undefined {
    return this.#assets.get(name);
  }

  /** The file's bytes, compressed with gzip. */
  async gzipped(asset: Asset): Promise<Buffer> {
    asset.gzipped ??= compress(asset.body, { level: 9 });
    return asset.gzipped;
  }

  #logo(path: string): string {
    const extension = logoTypes.find((known) => path.endsWith(`.${known}`)) ?? 'svg';
    try {
      const body = readFileSync(path);
      if (body.length <= maximumLogo) {
        return this.#add('logo', extension, body);
      }
    } catch {
      throw new ConfigurationError(['BRAND_LOGO: the file cannot be read']);
    }
    throw new ConfigurationError([`BRAND_LOGO: the file must have at most ${maximumLogo / 1000} kB`]);
  }

  #add(name: string, extension: Extension, content: string | Buffer): string {
    const body = typeof content === 'string' ? Buffer.from(content) : content;
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 10);
    const file = `${name}.${hash}.${extension}`;
    this.#assets.set(file, { type: types[extension], body });
    return `/assets/${file}`;
  }

  /** A large file that few pages need: it's read when it is first requested, and kept. */
  #addUnread(name: string, extension: Extension, path: string): string {
    const address = this.#add(name, extension, vendored(path));
    let kept: Buffer | undefined;
    this.#assets.set(basename(address), {
      type: types[extension],
      get body() {
        kept ??= vendored(path);
        return kept;
      },
    });
    return address;
  }
}
