import type { ConnectionStep } from '../../../../accounts/org-connections.port.js';
import type { SamlConnectionSettings } from '../../../../platform/config/saml-connection.parser.js';
import {
  SamlMetadataError,
  UnknownEntityError,
  readSamlMetadata,
} from '../../../../platform/config/saml.metadata.js';
import { TestReport, isOfTls } from '../test.report.js';

/**
 * Tries a SAML provider out: whether its metadata can be read, is whole, and is of the right provider. Only browsers talk to such a
 * provider, so no more can be tried from here.
 * @param read reads the metadata from its URL.
 */
export async function testSaml(
  source: SamlConnectionSettings['source'],
  read: (url: string) => Promise<string>,
): Promise<readonly ConnectionStep[]> {
  const report = new TestReport();
  const { entityId } = source;
  if (!('url' in source)) {
    // It was read when the settings were.
    await report.run('discovery', entityId, async () => undefined);
    return report.steps;
  }
  const { url } = source;
  const text = await report.run(
    'reach',
    new URL(url).host,
    async () => read(url),
    (error) => (isOfTls(error) ? 'certificate' : 'unreachable'),
  );
  await report.run(
    'discovery',
    url,
    async () => readSamlMetadata(text ?? '', entityId),
    (error) => {
      if (error instanceof UnknownEntityError) {
        return 'issuer_mismatch';
      }
      return error instanceof SamlMetadataError ? 'metadata_incomplete' : 'not_a_provider';
    },
  );
  return report.steps;
}
