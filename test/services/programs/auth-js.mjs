// An application as Auth.js' documentation has it for Express and any OpenID provider.
import { ExpressAuth, getSession } from '@auth/express';
import express from 'express';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, COOKIE_SECRET } = process.env;

const config = {
  secret: COOKIE_SECRET,
  trustHost: true,
  providers: [
    {
      id: 'vestibule',
      name: 'Vestibule',
      type: 'oidc',
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      // By default, the sign-in page loads one from the internet.
      style: { logo: '/logo.svg' },
    },
  ],
};
const app = express();
app.use('/auth', ExpressAuth(config));
app.get('/', async (request, response) => {
  const session = await getSession(request, config);
  if (session === null) {
    response.redirect('/auth/signin');
    return;
  }
  response.send(`<!doctype html><title>App</title><h1>Logged in as ${session.user.email}</h1>`);
});
app.listen(Number(PORT), '127.0.0.1');
