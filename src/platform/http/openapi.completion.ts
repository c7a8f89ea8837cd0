import type { OpenAPIObject } from '@nestjs/swagger';
import { problemSchema } from './openapi.decorators.js';
import { addExamples } from './openapi.examples.js';

const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** Descriptions of the groups of operations. */
const tagDescriptions: Readonly<Record<string, string>> = {
  account: 'The caller’s own account.',
  'api keys': 'Credentials of machines: of a person, or of an organisation.',
  applications: 'Programs that users log in to here, and who uses them.',
  audit: 'What happened to accounts, sessions, organisations and keys.',
  auth: 'Logging in and out, sessions, tokens.',
  discovery: 'Keys and metadata with which other services verify tokens.',
  health: 'Whether the gateway and what it depends on are well.',
  orgs: 'Organisations, with their members, invites, keys and applications.',
  signals: 'Streams of security events for other systems (OpenID Shared Signals Framework 1.0).',
  'signing keys': 'The keys that sign tokens, for administrators.',
  users: 'Everybody’s accounts, for administrators.',
};

/** Completes a document with what follows from its contents: examples, tags, operations without credentials, descriptions of ids. */
export function completeDocument(document: OpenAPIObject): void {
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, Problem: problemSchema };
  dropForeignPatterns(document);
  addExamples(document);
  const operations = Object.values(document.paths).flatMap((path) =>
    methods.map((method) => path[method]).filter((operation) => operation !== undefined),
  );
  for (const operation of operations) {
    // An operation without credentials states so, so that readers don't take it for an omission.
    operation.security ??= [];
    for (const parameter of operation.parameters ?? []) {
      if ('in' in parameter && parameter.in === 'path') {
        parameter.description ??= 'Id, as lists and answers give it.';
      }
    }
  }
  const tags = [...new Set(operations.flatMap((operation) => operation.tags ?? []))].toSorted();
  document.tags = tags.map((name) => ({
    name,
    description: tagDescriptions[name] ?? 'Of the application behind this front door.',
  }));
}

/** Removes patterns with character classes (`\p{…}`), which some languages don't support: clients are better off without them. */
function dropForeignPatterns(value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  const pattern: unknown = Reflect.get(value, 'pattern');
  if (typeof pattern === 'string' && /\\p\{/i.test(pattern)) {
    Reflect.deleteProperty(value, 'pattern');
  }
  for (const member of Object.values(value)) {
    dropForeignPatterns(member);
  }
}
