import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { OryModule } from '../providers/ory/ory.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { ErrorPage } from '../platform/http/error.page.js';
import { SessionModule } from '../session/session.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { CoreModule } from '../platform/core/core.module.js';
import { AdminAuditController } from './admin/admin-audit.controller.js';
import { AdminKeysController } from './admin/admin-keys.controller.js';
import { AdminStartController } from './admin/admin-start.controller.js';
import { ApplicationsElsewhereController } from './admin/applications-elsewhere.controller.js';
import { AccountDeletionController } from './account-deletion.controller.js';
import { AccountPages } from './account.pages.js';
import { ApiKeysFormController } from './api-keys-form.controller.js';
import { AssetController } from './asset.controller.js';
import { ChallengeController } from './challenge.controller.js';
import { DemoController } from './demo.controller.js';
import { DocsController } from './docs.controller.js';
import { FlowApplications } from './flow-application.js';
import { FlowController } from './flow.controller.js';
import { FlowContextFinder } from './flow-context.js';
import { HomeController } from './home.controller.js';
import { OpenApiDocument } from './openapi-document.js';
import { OrgsModule } from '../orgs/orgs.module.js';
import { LimitsModule } from '../directory/rate-limit/limits.module.js';
import { LanguagesModule } from '../platform/i18n/languages.module.js';
import { FormPostPage } from '../providers/ory/proxy/form-post.page.js';
import { ProxyModule } from '../providers/ory/proxy/proxy.module.js';
import { OryErrorController } from './ory-error.controller.js';
import { OwnFormPostPage } from './own-form-post.page.js';
import { NoFactorController } from './no-factor.controller.js';
import { PageFrameModule } from './page-frame.module.js';
import { UsersModule } from '../directory/users/users.module.js';
import { ProblemPage } from './problem.page.js';
import { SessionsFormController } from './sessions-form.controller.js';

/** The module of all pages that people see. The self-service pages exist only if Ory is the provider. */
@Module({})
export class PagesModule {
  static register(configuration: Configuration): DynamicModule {
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
        AccountsModule,
        PageFrameModule,
        ...(configuration.AUTH_PROVIDER === 'ory' ? [OryModule] : []),
      ],
      controllers: [
        AssetController,
        HomeController,
        SessionsFormController,
        ApiKeysFormController,
        AccountDeletionController,
        DocsController,
        AdminStartController,
        AdminAuditController,
        AdminKeysController,
        ...(configuration.AUTH_PROVIDER === 'ory' ? [] : [ApplicationsElsewhereController]),
        ...oryPages(configuration),
      ],
      providers: [
        AccountPages,
        OpenApiDocument,
        ...(configuration.AUTH_PROVIDER === 'ory' ? [FlowApplications, FlowContextFinder] : []),
        { provide: ErrorPage, useClass: ProblemPage },
        { provide: FormPostPage, useClass: OwnFormPostPage },
      ],
      exports: [ErrorPage, OpenApiDocument],
    };
  }
}

function oryPages(configuration: Configuration): readonly Type[] {
  if (configuration.AUTH_PROVIDER !== 'ory') {
    return [];
  }
  const pages = [NoFactorController, OryErrorController, ChallengeController, FlowController];
  return configuration.DEMO ? [...pages, DemoController] : pages;
}
