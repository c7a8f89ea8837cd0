import { Module } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { LanguagesModule } from '../platform/i18n/languages.module.js';
import { SessionModule } from '../session/session.module.js';
import { AssetStore, type BrandColour } from './asset.store.js';
import { PageSender } from './page-sender.js';

/** The module of what every page is sent with: its frame, and the files that it loads. */
@Module({
  imports: [LanguagesModule, SessionModule],
  providers: [
    {
      provide: AssetStore,
      inject: [CONFIGURATION],
      useFactory: async ({ BRAND_LOGO, BRAND_COLOR }: Configuration) =>
        new AssetStore(BRAND_LOGO, BRAND_COLOR === undefined ? undefined : await brandColour(BRAND_COLOR)),
    },
    PageSender,
  ],
  exports: [AssetStore, PageSender],
})
export class PageFrameModule {}

/** The brand's colour. Imported only if needed: the colour library takes longer to load than all pages together. */
async function brandColour(colour: string): Promise<BrandColour> {
  const { brandLogo, brandStyles } = await import('./brand-styles.js');
  return { styles: brandStyles(colour), logoOf: (svg) => brandLogo(colour, svg) };
}
