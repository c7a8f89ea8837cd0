/**
 * A single-page application with its own login: authorization code flow with PKCE (RFC 7636) as a public client, then
 * steps 6 and 7 of the flow. The access token lives in a variable of this page, never in a URL or in a storage; state and
 * verifier wait in sessionStorage for the redirect and are used once.
 */

const app = document.getElementById('demo');
const status = document.getElementById('demo-status');
const { audience, issuer, clientId } = app.dataset;
const redirectUri = `${location.origin}/demo`;
const PENDING = 'vestibule-demo-pending';

const BADGES = { waiting: '', running: 'Running…', done: 'Done', failed: 'Failed' };

/** What went wrong, in a form a person can read; problem+json (RFC 9457) and OAuth errors come in the same way. */
class StepError extends Error {
  constructor(title, detail, code) {
    super(title);
    this.detail = detail;
    this.code = code;
  }
}

function step(name) {
  return app.querySelector(`[data-step="${name}"]`);
}

function button(action) {
  return app.querySelector(`[data-action="${action}"]`);
}

function setState(name, state) {
  const item = step(name);
  const badge = item.querySelector('[data-badge]');
  item.dataset.state = state;
  badge.textContent = BADGES[state];
  badge.hidden = state === 'waiting';
  badge.className = { done: 'badge success', failed: 'badge error' }[state] ?? 'badge';
  if (state !== 'waiting') status.textContent = `${item.querySelector('h2').textContent}: ${BADGES[state]}`;
}

function show(name, ...elements) {
  step(name)
    .querySelector('[data-output]')
    .replaceChildren(...elements);
}

/** Everything that came over the network is shown as text, never as markup. */
function element(tag, text, className = '') {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function json(value) {
  return element('pre', JSON.stringify(value, null, 2));
}

function explain(error) {
  const title = error instanceof StepError ? error.message : 'The request could not be sent';
  const detail = error instanceof StepError ? error.detail : String(error?.message ?? error);
  const code = error instanceof StepError && error.code ? ` (${error.code})` : '';
  return element('p', `${title}${detail ? `: ${detail}` : ''}${code}`, 'notice error');
}

/** Runs one step and shows how it went; resolves to its value, or to null when it failed. */
async function run(name, work) {
  setState(name, 'running');
  show(name);
  try {
    const value = await work();
    setState(name, 'done');
    return value;
  } catch (error) {
    setState(name, 'failed');
    show(name, explain(error));
    return null;
  }
}

/** The parsed answer of a request to this origin, or a StepError that says what the server said. */
async function request(path, options = {}) {
  const response = await fetch(path, {
    ...options,
    credentials: 'same-origin',
    headers: { accept: 'application/json', ...options.headers },
  });
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { detail: 'The answer was not JSON.' };
  }
  if (response.ok) return body;
  const title = body.title ?? body.error ?? `The server answered ${response.status}`;
  throw new StepError(title, body.detail ?? body.error_description, body.code);
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Step 6, first half: off to the provider, with a challenge that only this page can answer. */
async function authorize() {
  if (!crypto.subtle) {
    throw new StepError('This address is not secure', 'PKCE needs https, or http on localhost.');
  }
  const pending = { state: random(), verifier: random() };
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(pending.verifier));
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    audience,
    state: pending.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  });
  location.assign(`/ory/hydra/oauth2/auth?${query}`);
}

/** The state and verifier of the login this tab began; both work once. */
function takePending() {
  const stored = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  return stored ? JSON.parse(stored) : null;
}

/** Checks the provider's answer before anything in it is used (RFC 9700, section 4.7; `iss` by RFC 9207). */
function readAnswer(answer) {
  const pending = takePending();
  if (!pending || answer.get('state') !== pending.state) {
    throw new StepError(
      'This answer belongs to another login',
      'Its state is not the one this tab began with.',
    );
  }
  const from = answer.get('iss');
  if (from !== null && from !== issuer) {
    throw new StepError('This answer comes from another provider', 'Its issuer is not the expected one.');
  }
  if (answer.has('error')) {
    const detail = answer.get('error_description') ?? undefined;
    throw new StepError('The provider refused the login', detail, answer.get('error'));
  }
  return { code: answer.get('code'), verifier: pending.verifier };
}

/** Step 6, second half: the code becomes an access token. */
async function exchange({ code, verifier }) {
  const tokens = await request('/ory/hydra/oauth2/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: verifier,
    }),
  });
  const token = tokens.access_token;
  show(
    'token',
    json({ access_token: `${token.slice(0, 12)}…${token.slice(-4)}`, expires_in: tokens.expires_in }),
  );
  return token;
}

/** Step 7: the access token becomes a session; the cookie that comes back is out of a script's reach. */
async function login(accessToken) {
  const answer = await request('/auth/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ accessToken }),
  });
  show('login', json(answer));
  return answer;
}

async function callMe() {
  show('me', json(await request('/api/v1/me')));
}

async function logout() {
  const { logoutUrl } = await request('/auth/logout', { method: 'POST' });
  setLoggedIn(false);
  for (const name of ['authorize', 'token', 'login', 'me']) {
    setState(name, 'waiting');
    show(name);
  }
  show('logout', element('p', 'Logged out. Call the endpoint again to see it refused.'));
  // Some providers end their own session only in the browser.
  if (logoutUrl && /^https?:$/.test(new URL(logoutUrl, location.href).protocol)) location.assign(logoutUrl);
  else await renewHeader();
}

/** The header's links are for who loaded the page: after a login or logout, they are taken from the page as it is then. */
async function renewHeader() {
  const response = await fetch('/demo').catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  document.querySelector('body > header').replaceWith(page.querySelector('body > header'));
}

function setLoggedIn(isLoggedIn) {
  button('authorize').hidden = isLoggedIn;
  button('me').hidden = false;
  button('logout').hidden = !isLoggedIn;
}

async function finishLogin(answer) {
  const grant = await run('authorize', () => readAnswer(answer));
  const token = grant && (await run('token', () => exchange(grant)));
  const session = token ? await run('login', () => login(token)) : null;
  if (session) await renewHeader();
  return session;
}

/** A reload finds the session of before, made by this page or by any other login. */
async function resume() {
  const response = await fetch('/auth/session', { headers: { accept: 'application/json' } }).catch(
    () => null,
  );
  if (!response?.ok) return false;
  const { user, session } = await response.json();
  setState('login', 'done');
  show('login', element('p', 'You are logged in already:'), json({ user, session }));
  return true;
}

button('authorize').addEventListener('click', () => run('authorize', authorize));
button('me').addEventListener('click', () => run('me', callMe));
button('logout').addEventListener('click', () => run('logout', logout));

const answer = new URLSearchParams(location.search);
const isAnswer = answer.has('code') || answer.has('error');
// A code must not stay in the address bar, in the history, or in a Referer.
if (location.search) history.replaceState(null, '', '/demo');
setLoggedIn(Boolean(isAnswer ? await finishLogin(answer) : await resume()));
