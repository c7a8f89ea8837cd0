import type { OpenAPIObject } from '@nestjs/swagger';
import { problemResponses, problemSchema } from './openapi.decorators.js';
import { addExamples } from './openapi-examples.js';

type OperationObject = NonNullable<OpenAPIObject['paths'][string]['post']>;

/** What the parsers answer before a route runs: any method that may have a body, whether the route reads it or not. */
const ofParsers = problemResponses(['malformed_request', 'payload_too_large', 'unsupported_media_type']);
const withBody = new Set(['post', 'put', 'patch', 'delete']);
const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;

/** Descriptions of the groups of operations. */
const tagDescriptions: Readonly<Record<string, string>> = {
  account: 'The caller’s own account.',
  'api keys': 'Credentials for programs, of a user or of an organisation.',
  audit: 'What happened to accounts, sessions, organisations and keys.',
  auth: 'Logins, logouts, sessions and tokens.',
  discovery: 'Keys and metadata with which other services verify tokens.',
  health: 'State of the gateway and its dependencies.',
  'signing keys': 'The keys that sign tokens, for administrators.',
  users: 'All users’ accounts, for administrators.',
};

/**
 * Completes a document with what follows from its contents: examples, tags, operations without credentials, descriptions of ids.
 * @param groups descriptions of the groups of features. @param values those that parameters of a format can have, by format.
 */
export function completeDocument(
  document: OpenAPIObject,
  groups: Readonly<Record<string, string>>,
  values: ReadonlyMap<string, readonly string[]>,
): void {
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, Problem: problemSchema };
  dropForeignPatterns(document);
  addExamples(document);
  const operations = Object.values(document.paths).flatMap((path) =>
    methods.map((method) => path[method]).filter((operation) => operation !== undefined),
  );
  for (const path of Object.values(document.paths)) {
    for (const method of methods.filter((name) => withBody.has(name))) {
      addParserResponses(path[method]);
    }
  }
  for (const operation of operations) {
    // An operation without credentials states so, so that readers don't take it for an omission.
    operation.security ??= [];
    for (const parameter of operation.parameters ?? []) {
      if ('in' in parameter && parameter.in === 'path') {
        parameter.description ??= 'Id, as lists and answers give it.';
      }
      if ('in' in parameter && parameter.schema !== undefined && 'format' in parameter.schema) {
        const { format, ...schema } = parameter.schema;
        const known = values.get(format ?? '');
        if (known !== undefined) {
          parameter.schema = { ...schema, enum: [...known] };
        }
      }
    }
  }
  const tags = [...new Set(operations.flatMap((operation) => operation.tags ?? []))].toSorted();
  document.tags = tags.map((name) => ({
    name,
    description:
      tagDescriptions[name] ?? groups[name] ?? 'Operations of the application that is built on this gateway.',
  }));
}

/** States what the parsers answer, beside what the route itself does with the same status. */
function addParserResponses(operation: OperationObject | undefined): void {
  for (const { status, ...response } of operation === undefined ? [] : ofParsers) {
    const known = operation?.responses[status];
    if (operation !== undefined && known === undefined) {
      operation.responses[status] = response;
    } else if (known !== undefined && !('$ref' in known)) {
      const examples = known.content?.['application/problem+json']?.examples;
      if (examples !== undefined && !known.description.includes(response.description)) {
        known.description += `. ${response.description}`;
        Object.assign(examples, response.content['application/problem+json'].examples);
      }
    }
  }
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
