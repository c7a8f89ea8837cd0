import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { OAuthApp, landingOf } from '../../../../../test/support/oauth.app.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';
import { hydraIdOf } from '../../../../providers/ory/hydra/agent-client.js';
import { ClientDocuments } from '../../client-documents.js';
import { ClientMetadataError } from '../../client-metadata.js';

const notes = 'https://notes.example/mcp';
const redirectUri = 'http://127.0.0.1:4321/callback';

let stack: Stack;
let user: UserAgent;

beforeAll(async () => {
  stack = await startStack({
    env: {
      PROTECTED_RESOURCES: JSON.stringify([{ resource: notes, scopes: { read: 'Read your notes' } }]),
      RATE_LIMIT: 'true',
      RATE_LIMIT_POLICIES: 'document-address=12/1h',
    },
  });
  user = new UserAgent(stack.url);
  await arriveVerified(user, stack);
});

afterAll(async () => {
  await stack?.stop();
});

const states = (uri: string) => ({ name: 'Aide', redirectUris: [uri], refreshes: false });
const askAs = async (id: string, who = user): Promise<Page> => {
  const own = new OAuthApp(stack.url, { id, secret: '' }, redirectUri);
  return who.navigate(own.authorize({ audience: notes, scope: 'read' }).path);
};
const isAsked = (page: Page): boolean => new URL(page.url).pathname === '/ui/consent';
it('a client of a metadata document is what the document states now, by whatever id it comes', async () => {
  const url = 'https://helper.example/client.json';
  const read = vi.spyOn(stack.app().get(ClientDocuments, { strict: false }), 'read');
  try {
    read.mockResolvedValue(states(redirectUri));
    expect(isAsked(await askAs(url))).toBe(true);
    expect(isAsked(await askAs(hydraIdOf(url)))).toBe(true);
    read.mockResolvedValue(states('http://127.0.0.1/elsewhere'));
    const page = await askAs(hydraIdOf(url));
    expect([isAsked(page), landingOf(page).origin]).toEqual([false, stack.url]);
  } finally {
    read.mockRestore();
  }
});

it.each(['&login_verifier=', '&consent_verifier=', '&login_verifier=%20', '&login_verifier=%C2%85'])(
  'a client whose metadata document is gone gets no code: %s',
  async (more) => {
    const url = `https://gone.example/${encodeURIComponent(more)}.json`;
    const read = vi.spyOn(stack.app().get(ClientDocuments, { strict: false }), 'read');
    try {
      read.mockResolvedValue(states(redirectUri));
      expect(isAsked(await askAs(url))).toBe(true);
      read.mockRejectedValue(new ClientMetadataError('it could not be read'));
      const own = new OAuthApp(stack.url, { id: hydraIdOf(url), secret: '' }, redirectUri);
      const page = await user.navigate(own.authorize({ audience: notes, scope: 'read' }).path + more);
      expect([page.status, isAsked(page)]).toEqual([400, false]);
    } finally {
      read.mockRestore();
    }
  },
);

it('one address has no Hydra full of clients made, and clients that are known go on', async () => {
  const url = 'https://known.example/client.json';
  const read = vi.spyOn(stack.app().get(ClientDocuments, { strict: false }), 'read');
  try {
    read.mockResolvedValue(states(redirectUri));
    expect(isAsked(await askAs(url))).toBe(true);
    const statuses = new Set<number>();
    for (let count = 0; count < 13; count += 1) {
      statuses.add((await askAs(`https://flood.example/${count}.json`, new UserAgent(stack.url))).status);
    }
    expect([...statuses]).toEqual([200, 429]);
    expect(isAsked(await askAs(url))).toBe(true);
  } finally {
    read.mockRestore();
  }
});
