// better-auth on Express with PostgreSQL, as its documentation has it; COOKIE_CACHE=true keeps the session in a signed cookie too.
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import express from 'express';
import pg from 'pg';

const { PORT, SECRET, DATABASE_URL, COOKIE_CACHE } = process.env;
const options = {
  secret: SECRET,
  baseURL: `http://127.0.0.1:${PORT}`,
  database: new pg.Pool({ connectionString: DATABASE_URL }),
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  session: { cookieCache: { enabled: COOKIE_CACHE === 'true', maxAge: 3600 } },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const auth = betterAuth(options);

const app = express();
app.all('/api/auth/{*any}', toNodeHandler(auth));
app.get('/me', async (request, response) => {
  const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
  if (found === null) {
    response.status(401).json({ error: 'unauthenticated' });
    return;
  }
  response.json({ sub: found.user.id, email: found.user.email });
});
app.listen(Number(PORT), '127.0.0.1');
