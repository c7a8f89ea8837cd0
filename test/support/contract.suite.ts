import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { type RowTitle, rowOf } from './contract.table.js';
import { type GatewaySite, newGatewaySite, type RunningGateway, runGateway } from './gateway.runner.js';
import { startOpenIdSide } from './openid.driver.js';
import { startOrySide } from './ory.driver.js';
import { ContractParty, type ProviderDriver, type ProviderName, providerNames } from './provider.driver.js';
import type { Page, UserAgent } from './user-agent.js';

/** How each provider is started. */
export const providerDrivers: Readonly<Record<ProviderName, ProviderDriver>> = {
  ory: startOrySide,
  auth0: (gatewayUrl) => startOpenIdSide('auth0', gatewayUrl),
  oidc: (gatewayUrl) => startOpenIdSide('oidc', gatewayUrl),
};

type Check = () => Promise<void>;

/**
 * One cell of the contract's table.
 * @param differences what is checked instead where the table says that a provider differs.
 */
export type RowTest = (
  title: RowTitle,
  check: Check,
  differences?: Readonly<Partial<Record<ProviderName, Check>>>,
) => void;

/** What the rows of one provider run against; there from `beforeAll` on. */
export interface ContractContext {
  readonly name: ProviderName;
  readonly row: RowTest;
  party(): ContractParty;
  gateway(): RunningGateway;
}

/** Runs a part of the contract against each provider. @param spec as the table names this file. */
export function strategyContract(spec: string, rows: (context: ContractContext) => void): void {
  describe.each(providerNames)('strategy contract: %s', (name) => {
    let site: GatewaySite;
    let party: ContractParty;
    let gateway: RunningGateway;

    beforeAll(async () => {
      site = await newGatewaySite();
      party = new ContractParty(await providerDrivers[name](site.url), site.url);
      gateway = await runGateway(site, party.side.env);
    });

    afterAll(async () => {
      await gateway?.stop();
      await party?.side.stop();
      await site?.remove();
    });

    const complaints = (): string =>
      gateway.log.filter((line) => /"level":"(?:warn|error)"/.test(line)).join('');
    rows({ name, row: rowTestFor(name, spec, complaints), party: () => party, gateway: () => gateway });
  });
}

/** Registers the tests of one provider, each under the name of its row. @param complaints what the gateway's log says is wrong, for a test that fails. */
export function rowTestFor(name: ProviderName, spec: string, complaints?: () => string): RowTest {
  return (title, check, differences = {}) => {
    const row = rowOf(title);
    const difference = row.differs?.[name];
    const instead = differences[name];
    if (row.spec !== spec || (difference === undefined) !== (instead === undefined)) {
      throw new Error(`The contract's table says otherwise of "${title}" (${name})`);
    }
    const ids = (row.cases ?? []).map((id) => ` [${id}]`).join('');
    const options = row.limit === undefined ? {} : { timeout: row.limit };
    it(`${title}${difference === undefined ? '' : `: ${difference}`}${ids}`, options, async () => {
      expect.hasAssertions();
      onTestFailed(() => void process.stderr.write(complaints?.().slice(-4000) ?? ''));
      await (instead ?? check)();
    });
  };
}

/** That the browser has no session, whatever it has. */
export async function expectNobody(agent: UserAgent): Promise<void> {
  expect(await agent.cookie('vestibule')).toBeUndefined();
  expect((await agent.fetch('/auth/session')).status).toBe(401);
}

/** That a page load ended with this error and without a session. */
export async function expectRefusal(
  agent: UserAgent,
  page: Page,
  status: number,
  code: string,
): Promise<void> {
  expect({ status: page.status, code: page.html().querySelector('code')?.text }).toEqual({ status, code });
  await expectNobody(agent);
}

/** Field of an answer's JSON object, by a path of names. */
export function fieldOf(page: Page, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), page.json());
}
