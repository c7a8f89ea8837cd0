import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { ErrorPage } from '../http/error.page.js';
import { SessionModule } from '../session/session.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { CoreModule } from '../core/core.module.js';
import { adminPages } from './admin/admin.pages.js';
import { ApiClient } from './api.client.js';
import { AssetController } from './asset.controller.js';
import { AssetStore } from './asset.store.js';
import { ChallengeController } from './challenge.controller.js';
import { CommandLineController } from './command-line.controller.js';
import { DemoController } from './demo.controller.js';
import { DocsController } from './docs.controller.js';
import { FlowController } from './flow.controller.js';
import { FlowSurroundingsFinder } from './flow.surroundings.js';
import { OpenApiDocument } from './openapi.document.js';
import { OrgsModule } from '../orgs/orgs.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { LanguagesModule } from '../languages/languages.module.js';
import { ProxyModule } from '../proxy/proxy.module.js';
import { OryErrorController } from './ory-error.controller.js';
import { PageSender } from './page.sender.js';
import { UsersModule } from '../users/users.module.js';
import { personPages } from './person.pages.js';
import { ProblemPage } from './problem.page.js';

/** Everything that people see. The self-service pages exist where Ory is the provider. */
@Module({})
export class PagesModule {
  /** @param auth the application's auth module, which brings the provider's clients along. */
  static register(configuration: Configuration, auth: DynamicModule): DynamicModule {
    return {
      module: PagesModule,
      imports: [
        CoreModule,
        LimitsModule,
        ProxyModule,
        LanguagesModule,
        ApiKeysModule,
        SessionModule,
        OrgsModule,
        UsersModule,
        auth,
      ],
      controllers: [
        AssetController,
        ...personPages.controllers,
        CommandLineController,
        DocsController,
        ...adminPages.controllers,
        ...oryPages(configuration),
      ],
      providers: [
        ApiClient,
        {
          provide: AssetStore,
          inject: [CONFIGURATION],
          useFactory: async ({ BRAND_LOGO, BRAND_COLOR }: Configuration) =>
            new AssetStore(BRAND_LOGO, BRAND_COLOR === undefined ? '' : await stylesOf(BRAND_COLOR)),
        },
        PageSender,
        ...personPages.providers,
        OpenApiDocument,
        ...(configuration.AUTH_PROVIDER === 'ory' ? [FlowSurroundingsFinder] : []),
        ...adminPages.providers,
        { provide: ErrorPage, useClass: ProblemPage },
      ],
      exports: [ErrorPage, OpenApiDocument],
    };
  }
}

/** Loaded only where it's needed: colour arithmetic takes longer to load than all pages together. */
async function stylesOf(colour: string): Promise<string> {
  const { brandStyles } = await import('./brand.styles.js');
  return brandStyles(colour);
}

function oryPages(configuration: Configuration): readonly Type[] {
  if (configuration.AUTH_PROVIDER !== 'ory') {
    return [];
  }
  // The fixed paths first: `/ui/:kind` would take theirs.
  const pages = [OryErrorController, ChallengeController, FlowController];
  return configuration.DEMO ? [...pages, DemoController] : pages;
}
