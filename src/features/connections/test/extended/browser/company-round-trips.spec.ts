import { expect, it } from 'vitest';
import { verifiedPerson } from '../../../../../../test/support/browser.api.js';
import { tripsOf } from '../../../../../../test/support/browser.js';
import { useStage } from '../../../../../../test/support/browser.stage.js';

const directory = {
  id: 'staff',
  kind: 'ldap',
  name: 'Example Ltd.',
  domains: ['staff.test'],
  servers: ['ldap://127.0.0.1:9'],
  bind_dn: 'cn=reader,dc=staff,dc=test',
  bind_password: 'unused',
  base_dn: 'dc=staff,dc=test',
};
const stage = useStage({ stack: { env: { CONNECTIONS: JSON.stringify([directory]) } } });

it('a login by password takes six round trips where a page asks for the address of a company first', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const trips = tripsOf(page);
  await page.goto(`${stack.url}/auth/login`);
  await page.getByLabel('E-mail').fill(person.email);
  await page.keyboard.press('Enter');
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/`);
  expect(trips).toEqual([
    'GET /auth/login',
    'GET /ui/identify',
    'POST /ui/identify',
    'GET /ui/login',
    'POST /ory/kratos/self-service/login',
    'GET /',
  ]);
});
