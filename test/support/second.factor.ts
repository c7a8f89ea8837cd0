import { totpCode } from './totp.code.js';
import type { Page, UserAgent } from './user-agent.js';

/** Sets up an authenticator app on the settings page. @returns the app's secret. */
export async function enrolTotp(agent: UserAgent, settings?: Page): Promise<string> {
  const page = settings ?? (await agent.navigate('/ui/settings'));
  const form = page
    .html()
    .querySelectorAll('form')
    .find((candidate) => candidate.querySelector('[name=totp_code]') !== null);
  const secret = form?.querySelector('.secret code')?.text;
  if (secret === undefined) {
    throw new Error(`${new URL(page.url).pathname} (${page.status}) shows no secret for an app`);
  }
  await agent.submit(page, { totp_code: totpCode(secret) }, { name: 'method', value: 'totp' });
  return secret;
}

/** Fills the code of an app into the page that asks for it. @returns the page at the end. */
export async function giveTotp(agent: UserAgent, page: Page, secret: string): Promise<Page> {
  return agent.submit(page, { totp_code: totpCode(secret) });
}
