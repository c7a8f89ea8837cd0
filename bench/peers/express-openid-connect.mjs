// express-openid-connect as its README has it: the session is in an encrypted cookie, made by a login at the provider.
import express from 'express';
import openid from 'express-openid-connect';

const { PORT, ISSUER, CLIENT_ID, CLIENT_SECRET, SECRET } = process.env;
const app = express();
app.use(
  openid.auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SECRET,
    authRequired: false,
    authorizationParams: { response_type: 'code', scope: 'openid profile email' },
  }),
);
app.get('/', (_request, response) => response.send('welcome'));
app.get('/me', openid.requiresAuth(), (request, response) => {
  const { sub, email } = request.oidc.user;
  response.json({ sub, email });
});
app.listen(Number(PORT), '127.0.0.1');
