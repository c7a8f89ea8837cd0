import type { FuzzCase } from '../route.cases.js';

/** One request that was once answered wrongly. */
export interface HttpRegression {
  readonly name: string;
  readonly sent: FuzzCase;
  readonly status: number;
  readonly code: string;
}

const host = ['Host', 'auth.example.test'] as const;
const json = ['Content-Type', 'application/json'] as const;

/** What the fuzzer has found, and what must come back now. Nothing is ever taken out. */
export const httpRegressions: readonly HttpRegression[] = [
  {
    name: 'a trailer that Node refuses: was JSON in the words of Fastify',
    sent: {
      caller: 'administrator',
      method: 'POST',
      target: '/auth/login',
      headers: [host, json],
      body: '{"accessToken":"x"}',
      framing: 'trailers',
    },
    status: 400,
    code: 'malformed_request',
  },
  {
    name: 'the same on a form of a page',
    sent: {
      caller: 'nobody',
      method: 'POST',
      target: '/account/api-keys?cursor=eyJieSI6ImlkIiwiaWQiOiJ-bWV-In0',
      headers: [host, ['Content-Type', 'application/x-www-form-urlencoded']],
      body: 'name=text&slug=~slug~&role=text&role=text&scope=&domain=&version=null',
      framing: 'trailers',
    },
    status: 400,
    code: 'malformed_request',
  },
  {
    name: 'Content-Length beside chunks: the same',
    sent: {
      caller: 'nobody',
      method: 'GET',
      target: '/auth/login?acr_values=text',
      headers: [host, ['Content-Length', '9']],
      body: '{}',
      framing: 'chunked',
    },
    status: 400,
    code: 'malformed_request',
  },
];
