// An application as express-openid-connect's documentation has it for the code flow.
import express from 'express';
import { auth } from 'express-openid-connect';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, ORIGIN, PORT, COOKIE_SECRET } = process.env;

const app = express();
app.use(
  auth({
    issuerBaseURL: ISSUER,
    baseURL: ORIGIN,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: COOKIE_SECRET,
    authorizationParams: { response_type: 'code' },
  }),
);
app.get('/', (request, response) => {
  response.send(`<!doctype html><title>App</title><h1>Logged in as ${request.oidc.user.email}</h1>`);
});
app.listen(Number(PORT), '127.0.0.1');
