import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const limit = 900_000;

/** What a contributor writes, as the recipes say. */
const written: Readonly<Record<string, string>> = {
  'src/features/greetings/greeting.settings.ts': `
    import { z } from 'zod';
    import { variableDocs } from '../../platform/config/variable.js';
    import { defineSettings } from '../../platform/features/feature.js';

    export const greetingSettings = defineSettings('greetingSettings', {
      GREETINGS_TEXT: z.string().default('Hello').register(variableDocs, {
        description: 'How users are greeted.',
        example: 'Good day',
      }),
    });
  `,
  'src/features/greetings/greeting-scopes.ts': `
    import { defineScopes } from '../../platform/features/scope.catalogue.js';

    export const greetingScopes = defineScopes({ 'greetings:read': 'Be greeted.' });
  `,
  'src/features/greetings/greetings.feature.ts': `
    import { defineFeature } from '../../platform/features/feature.js';
    import { greetingScopes } from './greeting-scopes.js';
    import { greetingSettings } from './greeting.settings.js';

    export const greetings = defineFeature({
      name: 'greetings',
      settings: greetingSettings,
      scopes: greetingScopes,
      groups: { greetings: 'Greetings.' },
      module: async () => (await import('./greetings.module.js')).GreetingsModule,
    });
  `,
  'src/features/greetings/greetings.module.ts': `
    import { Module } from '@nestjs/common';
    import { PageFrameModule } from '../../pages/page-frame.module.js';
    import { GreetingPageController } from './greeting-page.controller.js';
    import { GreetingsController } from './greetings.controller.js';

    @Module({ imports: [PageFrameModule], controllers: [GreetingsController, GreetingPageController] })
    export class GreetingsModule {}
  `,
  'src/features/greetings/greetings.controller.ts': `
    import { Inject } from '@nestjs/common';
    import { z } from 'zod';
    import type { SettingsOf } from '../../platform/features/feature.js';
    import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
    import { greetingScopes } from './greeting-scopes.js';
    import { greetingSettings } from './greeting.settings.js';

    const greetingSchema = z.object({ text: z.string().meta({ example: 'Hello' }) });

    @ApiController('api/v1/greetings', { tag: 'greetings' })
    export class GreetingsController {
      constructor(@Inject(greetingSettings.token) private readonly settings: SettingsOf<typeof greetingSettings>) {}

      @ApiRoute('GET', '', {
        scope: greetingScopes['greetings:read'],
        summary: 'Get a greeting',
        description: 'As the deployment words it.',
        answer: { description: 'The greeting.', schema: greetingSchema },
      })
      async read(): Promise<z.output<typeof greetingSchema>> {
        return { text: this.settings.GREETINGS_TEXT };
      }
    }
  `,
  'src/features/greetings/greeting.view.tsx': `
    import type { VNode } from 'preact';
    import { Layout } from '../../pages/views/layout.view.js';
    import { useLanguage } from '../../pages/views/page-props.js';

    export function GreetingPage({ greeting }: { readonly greeting: string }): VNode {
      const { text } = useLanguage();
      return (
        <Layout title={text('greetings.title')}>
          <h1>{text('greetings.title')}</h1>
          <p>{greeting}</p>
        </Layout>
      );
    }
  `,
  'src/features/greetings/greeting-page.controller.ts': `
    import { Controller, Get, Inject, Res } from '@nestjs/common';
    import { ApiExcludeController } from '@nestjs/swagger';
    import type { FastifyReply } from 'fastify';
    import { h } from 'preact';
    import { PageSender } from '../../pages/page-sender.js';
    import type { SettingsOf } from '../../platform/features/feature.js';
    import { greetingSettings } from './greeting.settings.js';
    import { GreetingPage } from './greeting.view.js';

    @ApiExcludeController()
    @Controller('greetings')
    export class GreetingPageController {
      constructor(
        private readonly pages: PageSender,
        @Inject(greetingSettings.token) private readonly settings: SettingsOf<typeof greetingSettings>,
      ) {}

      @Get()
      async show(@Res() reply: FastifyReply): Promise<void> {
        await this.pages.send(reply, h(GreetingPage, { greeting: this.settings.GREETINGS_TEXT }));
      }
    }
  `,
  'src/providers/ory/sources/badge-source.ts': `
    import { type BrowserSession, IdentitySource, type SourceSession, type SourceUser } from './identity-source.js';

    /** People with a badge. */
    export class BadgeSource extends IdentitySource {
      async issuerOf(subject: string): Promise<string | undefined> {
        return subject.startsWith('badge-') ? 'urn:example:badges' : undefined;
      }

      async browserSession(): Promise<BrowserSession> {
        return { state: 'none' };
      }

      async findSession(): Promise<SourceSession | undefined> {
        return undefined;
      }

      async findUser(): Promise<SourceUser | undefined> {
        return undefined;
      }

      async endSession(): Promise<void> {}

      async endSessions(): Promise<void> {}

      async setActive(): Promise<void> {}

      async deleteUser(): Promise<void> {}
    }
  `,
  'src/platform/i18n/locales/nl.json': JSON.stringify({ 'greetings.title': 'Een groet' }),
  'src/features/greetings/greetings.spec.ts': `
    import { afterAll, beforeAll, expect, it } from 'vitest';
    import { makeKey } from '../../../test/support/api.caller.js';
    import { type Gateway, startGateway } from '../../../test/support/gateway.js';
    import { IdentitySource } from '../../providers/ory/sources/identity-source.js';
    import { ownFeatures } from '../../app/features.js';
    import { renderConfigurationDocs } from '../../platform/config/configuration.docs.js';

    let gateway: Gateway;
    let cookie: string;

    beforeAll(async () => {
      gateway = await startGateway({ GREETINGS_TEXT: 'Good day' });
      ({ cookie } = await gateway.session());
    });

    afterAll(async () => {
      await gateway?.stop();
    });

    it('the route answers with the setting, for those who have its scope', async () => {
      const ask = async (headers: Readonly<Record<string, string>>) => gateway.request('/api/v1/greetings', { headers });
      expect((await ask({ cookie })).json()).toEqual({ text: 'Good day' });
      expect((await ask({})).status).toBe(401);
      const origin = { cookie, origin: gateway.configuration.PUBLIC_URL };
      const { key: narrow } = await makeKey(gateway, origin, { scope: 'profile:read' });
      const { key: wide } = await makeKey(gateway, origin, { scope: 'greetings:read' });
      expect((await ask({ 'x-api-key': narrow })).status).toBe(403);
      expect((await ask({ 'x-api-key': wide })).status).toBe(200);
    });

    it('the page is shown in three languages', async () => {
      for (const [language, title] of [['en', 'A greeting'], ['de', 'Ein Gruß'], ['nl', 'Een groet']] as const) {
        const { text } = await gateway.request('/greetings', { headers: { cookie, 'accept-language': language } });
        expect(text).toContain('<h1>' + title + '</h1>');
        expect(text).toContain('Good day');
      }
    });

    it('the setting is documented, and the source of identities is asked', async () => {
      expect(renderConfigurationDocs(ownFeatures)).toContain('### \`GREETINGS_TEXT\`');
      const sources = gateway.app.get(IdentitySource, { strict: false });
      expect(await sources.issuerOf('badge-1')).toBe('urn:example:badges');
    });
  `,
};

/** Where a contributor adds a line to what is there: the recipe that names the file, and the change. */
const changed: readonly (readonly [recipe: string, file: string, from: string, to: string])[] = [
  [
    'A new feature',
    'src/app/features.ts',
    'import { commandLine }',
    "import { greetings } from '../features/greetings/greetings.feature.js';\nimport { commandLine }",
  ],
  ['A new feature', 'src/app/features.ts', '  commandLine,', '  greetings,\n  commandLine,'],
  [
    'A new page',
    'src/platform/i18n/locales/en.ts',
    'export const english = {',
    "export const english = {\n  'greetings.title': 'A greeting',",
  ],
  ['A new page', 'src/platform/i18n/locales/de.json', '{', '{\n  "greetings.title": "Ein Gruß",'],
  [
    'A new identity source',
    'src/providers/auth-strategy.provider.ts',
    '(companies, [],',
    '(companies, [new BadgeSource()],',
  ],
  [
    'A new identity source',
    'src/providers/auth-strategy.provider.ts',
    'import { IdentitySource }',
    "import { BadgeSource } from './ory/sources/badge-source.js';\nimport { IdentitySource }",
  ],
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-recipes-'));
  for (const name of [
    'src',
    'test',
    'scripts',
    'docker',
    'packages',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'vitest.config.ts',
  ]) {
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.endsWith('/node_modules'),
    });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, text] of Object.entries(written)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  for (const [, file, from, to] of changed) {
    const before = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), before.replace(from, to));
  }
}, limit);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it.each(changed)('%s names %s, and the line is there to be changed', (recipe, file, from) => {
  const [, section = ''] = contributing.split(`### ${recipe}\n`);
  expect(section.split('\n### ')[0]).toContain(`\`${file}\``);
  expect(readFileSync(join(root, file), 'utf8')).toContain(from);
});

it(
  'what was written by the recipes alone compiles',
  () => {
    const tsc = join(root, 'scripts/tsc.mjs');
    const args = [tsc, '-p', 'tsconfig.build.json', '--noEmit', '--incremental', 'false'];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  },
  limit,
);

it(
  'and works',
  () => {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', 'src/features/greetings/greetings.spec.ts', '--reporter=dot'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    expect([status, status === 0 ? '' : stdout + stderr]).toEqual([0, '']);
  },
  limit,
);
