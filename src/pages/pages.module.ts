import { type DynamicModule, Module, type Type } from '@nestjs/common';
import type { Configuration } from '../config/configuration.js';
import { ErrorPage } from '../http/error.page.js';
import { SessionModule } from '../session/session.module.js';
import { ApiKeysModule } from '../api-keys/api-keys.module.js';
import { CoreModule } from '../core/core.module.js';
import { ApiKeysFormController } from './api-keys-form.controller.js';
import { AssetController } from './asset.controller.js';
import { AssetStore } from './asset.store.js';
import { ChallengeController } from './challenge.controller.js';
import { CommandLineController } from './command-line.controller.js';
import { DemoController } from './demo.controller.js';
import { DocsController } from './docs.controller.js';
import { FlowController } from './flow.controller.js';
import { HomeController } from './home.controller.js';
import { OpenApiDocument } from './openapi.document.js';
import { OryErrorController } from './ory-error.controller.js';
import { ProblemPage } from './problem.page.js';
import { SessionsFormController } from './sessions-form.controller.js';

/** Everything that people see. The self-service pages exist where Ory is the provider. */
@Module({})
export class PagesModule {
  /** @param auth the application's auth module, which brings the provider's clients along. */
  static register(configuration: Configuration, auth: DynamicModule): DynamicModule {
    return {
      module: PagesModule,
      imports: [CoreModule, ApiKeysModule, SessionModule, auth],
      controllers: [
        AssetController,
        HomeController,
        SessionsFormController,
        ApiKeysFormController,
        CommandLineController,
        DocsController,
        ...oryPages(configuration),
      ],
      providers: [AssetStore, OpenApiDocument, { provide: ErrorPage, useClass: ProblemPage }],
      exports: [ErrorPage, OpenApiDocument],
    };
  }
}

function oryPages(configuration: Configuration): readonly Type[] {
  if (configuration.AUTH_PROVIDER !== 'ory') {
    return [];
  }
  // The fixed paths first: `/ui/:kind` would take theirs.
  const pages = [OryErrorController, ChallengeController, FlowController];
  return configuration.DEMO ? [...pages, DemoController] : pages;
}
