import { Module } from '@nestjs/common';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { CoreModule } from '../platform/core/core.module.js';
import { LanguagesModule } from '../platform/i18n/languages.module.js';
import { SessionModule } from '../session/session.module.js';
import { ApiClient } from './api.client.js';
import { AssetStore, type BrandColour } from './asset.store.js';
import { FeatureParts } from './feature-parts.js';
import { NoticeSubjects } from './notice-subjects.js';
import { OrgPages } from './orgs/org.pages.js';
import { PageSender } from './page-sender.js';
import { SentForms } from './sent-forms.js';

const shared = [ApiClient, FeatureParts, NoticeSubjects, OrgPages, PageSender, SentForms];

/** The module of what pages are made with: their frame and the files that they load, the API, forms and notices. */
@Module({
  imports: [CoreModule, LanguagesModule, SessionModule],
  providers: [
    {
      provide: AssetStore,
      inject: [CONFIGURATION],
      useFactory: async ({ BRAND_LOGO, BRAND_COLOR }: Configuration) =>
        new AssetStore(BRAND_LOGO, BRAND_COLOR === undefined ? undefined : await brandColour(BRAND_COLOR)),
    },
    ...shared,
  ],
  exports: [AssetStore, ...shared],
})
export class PageFrameModule {}

/** The brand's colour. Imported only if needed: the colour library takes longer to load than all pages together. */
async function brandColour(colour: string): Promise<BrandColour> {
  const { brandLogo, brandStyles } = await import('./brand-styles.js');
  return { styles: brandStyles(colour), logoOf: (svg) => brandLogo(colour, svg) };
}
