import type { ConnectionStep } from '../connections/connection-step.js';
import type { SamlConnectionSettings } from './saml-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import {
  NoCertificateError,
  SamlMetadataError,
  type SamlProviderFacts,
  UnknownEntityError,
  readSamlMetadata,
} from './saml-metadata.js';
import { StepError, TestReport, reachFaultOf } from '../connections/test-report.js';

/**
 * Tries a SAML provider out: whether its metadata can be read, is whole, and is of the right provider. Only browsers talk to such a
 * provider, so no more can be tried from here.
 * @param read reads the metadata from its URL. @param now milliseconds since the epoch.
 */
export async function testSaml(
  source: SamlConnectionSettings['source'],
  read: (url: string) => Promise<string>,
  now: number,
): Promise<readonly ConnectionStep[]> {
  const report = new TestReport();
  const { entityId } = source;
  if (!('url' in source)) {
    // It was read when the settings were.
    await report.run('discovery', entityId, async () => requireValid(source, now));
    return report.steps;
  }
  const { url } = source;
  const text = await report.run('reach', new URL(url).host, async () => read(url), faultOf);
  await report.run('discovery', url, async () => requireValid(factsIn(text ?? '', entityId), now));
  return report.steps;
}

/** What metadata tells of a provider. @throws {StepError} if it can't be used. */
function factsIn(text: string, entityId: string): SamlProviderFacts {
  try {
    return readSamlMetadata(text, entityId);
  } catch (error) {
    if (error instanceof UnknownEntityError && error.entityIds.length > 0) {
      throw new StepError('entity_mismatch', error.entityIds.join(', '));
    }
    if (error instanceof NoCertificateError) {
      throw new StepError('no_certificate');
    }
    const isOfProvider = error instanceof SamlMetadataError && !(error instanceof UnknownEntityError);
    throw new StepError(isOfProvider ? 'metadata_incomplete' : 'no_metadata');
  }
}

function requireValid({ validUntil }: SamlProviderFacts, now: number): void {
  if (validUntil !== undefined && validUntil < now) {
    throw new StepError('metadata_expired');
  }
}

/** What it means that metadata can't be read. A problem is an HTTP error: something answered. */
function faultOf(error: unknown): 'certificate' | 'no_metadata' | 'port_blocked' | 'unreachable' {
  if (error instanceof Problem) {
    return 'no_metadata';
  }
  return reachFaultOf(error);
}
