/** Fills the API docs in: Swagger UI on this origin's document, and a bar that knows who is logged in. */
(() => {
  const status = document.getElementById('who-status');
  const loginLink = document.getElementById('who-login');
  const logoutButton = document.getElementById('who-logout');

  function showUser(name) {
    status.textContent = name ? `Logged in as ${name}` : 'Not logged in';
    loginLink.hidden = Boolean(name);
    logoutButton.hidden = !name;
  }

  async function refresh() {
    const response = await fetch('/auth/session', { headers: { accept: 'application/json' } });
    if (!response.ok) return showUser(null);
    const { user } = await response.json();
    return showUser(user.name || user.email || user.id);
  }

  async function logout() {
    const response = await fetch('/auth/logout', { method: 'POST', headers: { accept: 'application/json' } });
    const { logoutUrl } = response.ok ? await response.json().catch(() => ({})) : {};
    if (logoutUrl && /^https?:$/.test(new URL(logoutUrl, location.href).protocol)) {
      location.assign(logoutUrl);
      return;
    }
    await refresh();
    if (!response.ok) status.textContent = 'Logging out failed, please try again';
  }

  function reportFailure() {
    status.textContent = "The server can't be reached";
  }

  logoutButton.addEventListener('click', () => logout().catch(reportFailure));
  refresh().catch(reportFailure);

  // Swagger UI brings a dark scheme of its own, switched by a class.
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', follow);
  follow();

  window.SwaggerUIBundle({
    url: '/docs/openapi.json',
    dom_id: '#swagger-ui',
    deepLinking: true,
    // Requests carry the session cookie of this origin; nothing typed here is kept.
    withCredentials: true,
    persistAuthorization: false,
    // Its default asks a validator on another host.
    validatorUrl: null,
    // Query parameters of this page must not choose another document.
    queryConfigEnabled: false,
    displayRequestDuration: true,
    tryItOutEnabled: true,
  });
})();
