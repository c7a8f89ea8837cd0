// Runs plans of the OpenID Foundation's conformance suite against a started gateway, and prints each module's result as a table:
// `node scripts/conformance.mjs [plan…]`. Both must be reachable by https; NODE_EXTRA_CA_CERTS names a private authority.
//   GATEWAY         PUBLIC_URL of the gateway
//   SUITE           URL of the suite, which runs without a login (its development mode)
//   ADMIN_EMAIL, ADMIN_PASSWORD   of an administrator of the gateway
//   RESULTS         file for the results as JSON, with every warning and failure
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { applicationsOf, configurationOf, plans } from './conformance.plans.mjs';

const need = (name) => {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} isn't set; see the head of scripts/conformance.mjs`);
    process.exit(2);
  }
  return value.replace(/\/$/, '');
};
const [gateway, suite, email, password] = ['GATEWAY', 'SUITE', 'ADMIN_EMAIL', 'ADMIN_PASSWORD'].map(need);

const unescape = (text) => text.replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** A browser without a screen, at the gateway alone. */
class Browser {
  #cookies = new Map();

  /** Loads a page. */
  async open(target, form) {
    let [url, body] = [new URL(target, gateway).href, form];
    for (let count = 0; count < 20; count += 1) {
      const answer = await fetch(url, {
        method: body === undefined ? 'GET' : 'POST',
        body,
        redirect: 'manual',
        headers: {
          accept: 'text/html',
          cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(body === undefined ? {} : { origin: gateway }),
        },
      });
      for (const header of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
        if (value === '' || /max-age=0/i.test(header)) {
          this.#cookies.delete(name);
        } else {
          this.#cookies.set(name, value);
        }
      }
      const text = await answer.text();
      const next =
        answer.headers.get('location') ?? /http-equiv="refresh" content="0;url=([^"]+)"/.exec(text)?.[1];
      if (!next) {
        return { url, text, status: answer.status };
      }
      [url, body] = [new URL(unescape(next), url).href, undefined];
    }
    throw new Error(`too many redirects at ${url}`);
  }

  /** Sends the page's form that has these fields. */
  async submit({ url, text, status }, fields) {
    const form = [...text.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([^]*?)<\/form>/g)].find(([, , inner]) =>
      Object.keys(fields).every((name) => inner.includes(`name="${name}"`)),
    );
    if (form === undefined) {
      throw new Error(`${url} (${status}) has no form with ${Object.keys(fields).join(', ')}`);
    }
    const hidden = [...form[2].matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) =>
      ['name', 'value'].map((name) => unescape(new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? '')),
    );
    const body = new URLSearchParams([...hidden, ...Object.entries(fields)]);
    const next = await this.open(unescape(form[1]), body);
    const refusal = /<p[^>]*role="alert"[^>]*>([^<]*)/.exec(next.text)?.[1];
    if (refusal !== undefined) {
      throw new Error(`${url} answers: ${refusal}`);
    }
    return next;
  }

  /** Calls the API as the page's own script would. */
  async call(path, body, method) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return call(gateway + path, { cookie, origin: gateway, 'sec-fetch-site': 'same-origin' }, body, method);
  }
}

/** Sends JSON, or asks. @returns the answer's JSON. */
async function call(url, headers = {}, body = undefined, method = body === undefined ? 'GET' : 'POST') {
  const answer = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${method} ${url} answers ${answer.status}: ${text.slice(0, 500)}`);
  }
  return text === '' ? {} : JSON.parse(text);
}

/** The administrator's browser, logged in. */
async function logIn() {
  const browser = new Browser();
  const page = await browser.open('/auth/login?return_to=/');
  await browser.submit(page, { identifier: email, password, method: 'password' });
  return browser;
}

/** An API key, by which the administrator acts. */
async function makeKey(browser, scope) {
  return browser.call('/api/v1/api-keys', { name: 'Conformance', scope });
}

/** A new user of the gateway. */
async function signUp() {
  const user = {
    email: `suite-${randomBytes(4).toString('hex')}@example.org`,
    password: randomBytes(12).toString('base64url'),
  };
  const browser = new Browser();
  const page = await browser.open('/auth/signup?return_to=/');
  await browser.submit(page, {
    'traits.email': user.email,
    'traits.name': 'Ada Lovelace',
    password: user.password,
    method: 'password',
  });
  return user;
}

/** Does what a transmitter of signals tells of: a credential is revoked, and a session ends. */
async function causeSignals() {
  const browser = await logIn();
  const { id } = await makeKey(browser, 'profile:read');
  await browser.call(`/api/v1/api-keys/${id}`, undefined, 'DELETE');
  await browser.call('/auth/logout', {});
}

/** Registers the suite's applications. @returns their client ids and secrets. */
async function register(key, alias) {
  const clients = {};
  for (const [name, application] of Object.entries(applicationsOf(suite, alias))) {
    const made = await call(`${gateway}/api/v1/applications`, { 'x-api-key': key }, application);
    clients[name] = { client_id: made.id, client_secret: made.clientSecret };
  }
  return clients;
}

/** Runs one module to its end. */
async function runModule(plan, { testModule, variant }) {
  const query = new URLSearchParams({
    test: testModule,
    plan,
    ...(variant ? { variant: JSON.stringify(variant) } : {}),
  });
  const { id } = await call(`${suite}/api/runner?${query}`, {}, undefined, 'POST');
  const until = Date.now() + 150_000;
  const isAboutSignals = testModule === 'openid-ssf-transmitter-stream-caep-interop';
  if (isAboutSignals) {
    await causeSignals();
  }
  let info = {};
  do {
    await wait(1000);
    info = await call(`${suite}/api/info/${id}`);
  } while (!['FINISHED', 'INTERRUPTED'].includes(info.status) && Date.now() < until);
  const isLate = Date.now() >= until;
  if (isLate) {
    await call(`${suite}/api/runner/${id}`, {}, undefined, 'DELETE').catch(() => {});
    info = await call(`${suite}/api/info/${id}`);
  }
  if (isAboutSignals) {
    // A new stream has the events of the last two minutes, which other modules don't expect.
    await wait(125_000);
  }
  const log = await call(`${suite}/api/log/${id}`);
  const remarks = log
    .filter(({ result }) => ['WARNING', 'FAILURE'].includes(result))
    .map(({ result, src, msg, requirements = [], ...rest }) => ({
      result,
      src,
      msg,
      requirements,
      rest,
    }));
  return {
    testModule,
    id,
    status: info.status,
    result: isLate ? 'TIMEOUT' : (info.result ?? info.status),
    remarks,
  };
}

const { key } = await makeKey(await logIn(), 'api');
const user = await signUp();
// Of this run alone: a logout token of an earlier one may come late.
const alias = `vestibule-${randomBytes(4).toString('hex')}`;
const clients = await register(key, alias);
const configuration = configurationOf(gateway, user, clients, { alias, key });
const wanted = process.argv.slice(2);
const results = {};
for (const [name, variant] of plans.filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
  const query = new URLSearchParams({ planName: name, variant: JSON.stringify(variant) });
  const plan = await call(`${suite}/api/plan?${query}`, {}, configuration);
  const title = variant.ssf_delivery_mode === undefined ? name : `${name} (${variant.ssf_delivery_mode})`;
  results[title] = [];
  console.log(`\n### ${title}\n\n| Module | Result | Remarks |\n| --- | --- | --- |`);
  for (const module of plan.modules) {
    const run = await runModule(plan.id, module);
    results[title].push(run);
    const remarks = run.remarks.map(({ result, src, msg }) =>
      `${result}: ${src}: ${msg}`.replaceAll('|', '/').slice(0, 300),
    );
    console.log(`| ${run.testModule} | ${run.result} | ${remarks.join('; ')} |`);
    if (process.env.RESULTS) {
      writeFileSync(process.env.RESULTS, JSON.stringify(results, undefined, 2));
    }
  }
}
for (const { client_id: id } of Object.values(clients)) {
  await call(`${gateway}/api/v1/applications/${id}`, { 'x-api-key': key }, undefined, 'DELETE');
}
/** Results that the Foundation certifies; those to review have a picture of a page. */
const certifiable = new Set(['PASSED', 'WARNING', 'REVIEW', 'SKIPPED']);
const failed = Object.values(results)
  .flat()
  .filter(({ result }) => !certifiable.has(result));
console.log(`\n${failed.length} failed: ${failed.map(({ testModule }) => testModule).join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
