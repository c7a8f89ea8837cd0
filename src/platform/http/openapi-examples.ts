import type { OpenAPIObject } from '@nestjs/swagger';
import { exampleId } from '../core/id.schema.js';

type Json = Record<string, unknown>;

/** The example of a text whose format has none of its own. */
const textByFormat: Readonly<Record<string, string>> = {
  uuid: exampleId,
  'date-time': '2026-01-31T12:00:00.000Z',
  uri: 'https://app.example.org',
  email: 'ada@example.org',
};
const deepest = 12;

/**
 * Gives every request body and every successful answer an example, composed of the examples of its members, so that each value is
 * written once, at its schema. An existing example is kept.
 */
export function addExamples(document: OpenAPIObject): void {
  const schemas = membersOf(Reflect.get(document, 'components'), 'schemas');
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(membersOf(path))) {
      const responses = Object.entries(membersOf(operation, 'responses'));
      const bodies = [
        membersOf(operation, 'requestBody'),
        ...responses.filter(([status]) => status.startsWith('2')).map(([, response]) => response),
      ];
      for (const media of bodies.flatMap((body) => Object.values(membersOf(body, 'content')))) {
        const content = membersOf(media);
        if (content['example'] === undefined && content['examples'] === undefined) {
          Object.assign(content, { example: exampleOf(content['schema'], schemas, 0) });
        }
      }
    }
  }
}

/** An example of a schema. */
function exampleOf(given: unknown, schemas: Json, depth: number): unknown {
  const schema = resolve(given, schemas);
  if (depth > deepest) {
    return null;
  }
  const [listed] = elementsOf(schema['examples']);
  const [choice] = elementsOf(schema['enum']);
  for (const value of [schema['example'], listed, schema['const'], schema['default'], choice]) {
    if (value !== undefined) {
      return value;
    }
  }
  const parts = elementsOf(schema['allOf']);
  if (parts.length > 0) {
    return Object.assign({}, ...parts.map((part) => exampleOf(part, schemas, depth + 1)));
  }
  const [alternative] = [...elementsOf(schema['anyOf']), ...elementsOf(schema['oneOf'])];
  if (alternative !== undefined) {
    return exampleOf(alternative, schemas, depth + 1);
  }
  return plainExample(schema, schemas, depth);
}

function plainExample(schema: Json, schemas: Json, depth: number): unknown {
  const [type] = [schema['type']].flat();
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(membersOf(schema, 'properties')).map(([name, member]) => [
          name,
          exampleOf(member, schemas, depth + 1),
        ]),
      );
    case 'array':
      return schema['items'] === undefined ? [] : [exampleOf(schema['items'], schemas, depth + 1)];
    case 'integer':
    case 'number':
      return plainNumber(schema['minimum']);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return textByFormat[String(schema['format'])] ?? 'text';
  }
}

/** The least that is allowed; 1 where that is the least that a whole number can be. */
function plainNumber(minimum: unknown): number {
  return typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER ? minimum : 1;
}

/** A schema, or the one that it refers to (`#/components/schemas/…`). */
function resolve(schema: unknown, schemas: Json): Json {
  const members = membersOf(schema);
  const reference = members['$ref'];
  return typeof reference === 'string' ? membersOf(schemas, reference.split('/').at(-1)) : members;
}

/** The members of an object, or of one of its members; none if there is no object. It is the object itself, not a copy. */
function membersOf(value: unknown, name?: string): Json {
  const found: unknown = name === undefined ? value : Reflect.get(Object(value), name);
  return isObject(found) ? found : {};
}

function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
