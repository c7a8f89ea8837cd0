/** Fills the API docs in: Swagger UI on this origin's document, and a log-out in the bar above it. */
(() => {
  const status = document.getElementById('who-status');
  const loginLink = document.getElementById('who-login');
  const logoutButton = document.getElementById('who-logout');

  async function logout() {
    const response = await fetch('/auth/logout', { method: 'POST', headers: { accept: 'application/json' } });
    if (!response.ok) {
      status.textContent = 'Logging out failed, please try again';
      return;
    }
    const { logoutUrl } = await response.json();
    if (logoutUrl && /^https?:$/.test(new URL(logoutUrl, location.href).protocol)) {
      location.assign(logoutUrl);
      return;
    }
    status.textContent = 'Not logged in';
    loginLink.hidden = false;
    logoutButton.hidden = true;
  }

  function reportFailure() {
    status.textContent = "The server can't be reached";
  }

  logoutButton.addEventListener('click', () => logout().catch(reportFailure));

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
