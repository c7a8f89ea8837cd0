import { problemCatalogue } from '../errors/problem.catalogue.js';
import { StartError } from '../errors/start-errors.js';
import { textPrefixOf } from '../i18n/feature-texts.js';
import { english } from '../i18n/locales/en.js';
import { coreAuditEvents } from './audit-event.catalogue.js';
import type { Feature } from './feature.js';
import { coreScopes, familyOf } from './scope.catalogue.js';

/** Features that can't be together. The message names them. */
export class FeatureError extends StartError {
  override readonly name = 'FeatureError';
}

/**
 * Puts features into the order in which they may use each other.
 * @param coreNames names of settings that are taken.
 * @throws {FeatureError} for a name that two of them have, one outside of its feature's prefix, and `needs` that are missing or a circle.
 */
export function inOrderOfNeeds(features: readonly Feature[], coreNames: readonly string[]): Feature[] {
  assertDistinct(features, coreNames);
  const ordered: Feature[] = [];
  let left = features;
  while (left.length > 0) {
    const names = new Set(ordered.map(({ name }) => name));
    const ready = left.filter(({ needs }) => needs.every((need) => names.has(need)));
    if (ready.length === 0) {
      throw new FeatureError(explainNeeds(left, features));
    }
    ordered.push(...ready);
    left = left.filter((feature) => !ready.includes(feature));
  }
  return ordered;
}

function explainNeeds(left: readonly Feature[], all: readonly Feature[]): string {
  const known = new Set(all.map(({ name }) => name));
  const missing = left.flatMap(({ name, needs }) =>
    needs
      .filter((need) => !known.has(need))
      .map((need) => `The feature ${name} needs ${need}, which is not in the list.`),
  );
  return missing.length > 0
    ? missing.join('\n')
    : `These features need each other in a circle: ${left.map(({ name }) => name).join(', ')}.`;
}

function assertDistinct(features: readonly Feature[], coreNames: readonly string[]): void {
  const taken = new Map<string, string>(
    [
      ...coreNames.map((name) => `variable ${name}`),
      ...Object.keys(english).map((key) => `text ${key}`),
      ...Object.keys(problemCatalogue).map((code) => `problem ${code}`),
      ...Object.keys(coreScopes).map((scope) => `scope ${scope}`),
      ...coreAuditEvents.map((type) => `audit event ${type}`),
    ].map((name) => [name, 'the core']),
  );
  for (const feature of features) {
    const variables = Object.keys(feature.variables.shape);
    const prefixes = feature.prefixes ?? [feature.name.replaceAll('-', '_')];
    const outside = [...variables, ...feature.tables].find(
      (name) => !prefixes.some((prefix) => `${name.toLowerCase()}_`.startsWith(`${prefix}_`)),
    );
    if (outside !== undefined) {
      throw new FeatureError(
        `The feature ${feature.name} declares ${outside}, which does not begin with ${prefixes.map((prefix) => `${prefix}_`).join(' or ')}.`,
      );
    }
    const texts = Object.keys(feature.texts?.en ?? {});
    const textPrefix = textPrefixOf(feature.name);
    const strange = texts.find((key) => !key.startsWith(textPrefix));
    if (strange !== undefined) {
      throw new FeatureError(
        `The feature ${feature.name} declares the text ${strange}, which does not begin with ${textPrefix}`,
      );
    }
    const declared = [
      ...Object.values(feature.problems).map(({ code }) => ({ kind: 'problem', name: code })),
      ...Object.values(feature.auditEvents).map(({ type }) => ({ kind: 'audit event', name: type })),
    ];
    const beginnings = [`${feature.name}:`, ...prefixes.map((prefix) => `${prefix}_`)];
    const foreign = declared.find(({ name }) => !beginnings.some((beginning) => name.startsWith(beginning)));
    if (foreign !== undefined) {
      throw new FeatureError(
        `The feature ${feature.name} declares the ${foreign.kind} ${foreign.name}, which does not begin with ${beginnings.join(' or ')}.`,
      );
    }
    const scopes = Object.values(feature.scopes).map(({ name }) => name);
    const strangeScope = scopes.find(
      (scope) =>
        !prefixes.some((prefix) => `${familyOf(scope).replaceAll('-', '_')}_`.startsWith(`${prefix}_`)),
    );
    if (strangeScope !== undefined) {
      throw new FeatureError(
        `The feature ${feature.name} declares the scope ${strangeScope}, which does not begin with ${prefixes.map((prefix) => prefix.replaceAll('_', '-')).join(' or ')}.`,
      );
    }
    const names = [
      `name ${feature.name}`,
      ...variables.map((name) => `variable ${name}`),
      ...feature.tables.map((name) => `table ${name}`),
      ...texts.map((key) => `text ${key}`),
      ...declared.map(({ kind, name }) => `${kind} ${name}`),
      ...Object.keys(feature.groups).map((name) => `group ${name}`),
      ...scopes.map((name) => `scope ${name}`),
      ...(feature.connectionKind === undefined ? [] : [`kind of connection ${feature.connectionKind.name}`]),
    ];
    for (const name of names) {
      const other = taken.get(name);
      if (other !== undefined) {
        throw new FeatureError(`The ${name} is declared by the feature ${feature.name} and by ${other}.`);
      }
      taken.set(name, `the feature ${feature.name}`);
    }
  }
}
