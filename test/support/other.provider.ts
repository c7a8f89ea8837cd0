import { afterAll, beforeAll, expect } from 'vitest';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { examine } from '../../src/doctor/doctor.service.js';
import { type GatewaySite, newGatewaySite, type RunningGateway, runGateway } from './gateway.runner.js';
import type { OtherProvider } from './go.provider.js';
import { sendForm, travel } from './travel.js';
import { type Page, UserAgent } from './user-agent.js';
import { ownFeatures } from '../../src/app/features.js';

/** A gateway at a provider that isn't ours, as docs/providers.md sets it up. */
export interface OtherProviderSite {
  readonly site: GatewaySite;
  readonly server: OtherProvider;
  readonly gateway: RunningGateway;
  /** Logs the provider's user in. @returns where that ends. */
  logIn(agent: UserAgent): Promise<Page>;
  /** Codes of what the doctor finds about the provider. @param env settings on top. */
  findings(env?: Readonly<Record<string, string>>): Promise<readonly string[]>;
  /** Runs the gateway with a client secret that is wrong, expects that it is named everywhere, and ends with the right one. */
  expectSecretNamed(): Promise<Page>;
}

/** Brings up both for a file. */
export function useOtherProvider(start: (gatewayUrl: string) => Promise<OtherProvider>): OtherProviderSite {
  let site: GatewaySite;
  let server: OtherProvider;
  let gateway: RunningGateway;

  beforeAll(async () => {
    site = await newGatewaySite();
    server = await start(site.url);
    gateway = await runGateway(site, server.env);
  }, 300_000);

  afterAll(async () => {
    await gateway?.stop();
    await server?.stop();
    await site?.remove();
  });

  const logIn = async (agent: UserAgent): Promise<Page> => {
    const { page } = await travel(agent, `${site.url}/auth/login`);
    return (await sendForm(agent, page, server.loginForm)).page;
  };
  const findings = async (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
    const found = await examine(loadConfiguration({ ...site.env, ...server.env, ...env }, ownFeatures), {
      limit: 10_000,
    });
    return found
      .map(({ code }) => code)
      .filter((code) => code.startsWith('provider_') || code.startsWith('issuer_'));
  };
  return {
    get site() {
      return site;
    },
    get server() {
      return server;
    },
    get gateway() {
      return gateway;
    },
    logIn,
    findings,
    expectSecretNamed: async () => {
      const wrong = { OIDC_CLIENT_SECRET: 'not-the-secret' };
      expect(await findings(wrong)).toEqual(['provider_client_refused']);
      await gateway.restart(wrong);
      const page = await logIn(new UserAgent(site.url));
      expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
      expect(gateway.log.filter((line) => line.includes('provider_invalid_client'))).not.toEqual([]);
      await gateway.restart(server.env);
      expect((await logIn(new UserAgent(site.url))).status).toBe(200);
      return page;
    },
  };
}
