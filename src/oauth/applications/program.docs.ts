import { english } from '../../platform/i18n/locales/en.js';
import { type Program, machineRequests, openIdAddresses, programs } from './program.catalogue.js';

const example = {
  ...openIdAddresses({
    PUBLIC_URL: 'https://auth.example.org',
    TOKEN_AUDIENCE: 'https://auth.example.org',
  }),
  clientId: '<client id>',
  scope: 'openid profile email',
};

/** Renders what pages of applications show, too, into docs/applications.md. @param document the document so far. */
export function renderApplicationDocs(document: string): string {
  const requests = machineRequests({ ...example, tokenEndpointAuthMethod: 'client_secret_basic' });
  const machine = [
    '<!-- not run: it names a machine; test/e2e/applications.spec.ts runs it as the page of a machine shows it -->',
    `\`\`\`sh\n${requests}\n\`\`\``,
  ].join('\n\n');
  const all = programs.map((program) => sectionOf(program)).join('\n\n');
  return between(between(document, 'machine', machine), 'programs', all);
}

/** Replaces what a document has between two marks. */
function between(document: string, mark: string, text: string): string {
  const [start, end] = [`<!-- ${mark}:start -->`, `<!-- ${mark}:end -->`];
  const [before = '', rest = ''] = document.split(start);
  const [, after = ''] = rest.split(end);
  return `${before}${start}\n\n${text}\n\n${end}${after}`;
}

function sectionOf(program: Program): string {
  const { id, name, version, isRun, redirectUri, language, sends, hasPkce, settings } = program;
  const tokenEndpointAuthMethod = sends ?? 'client_secret_basic';
  return [
    `### ${name}`,
    `${english[`programs.${id}.where`]} ${isRun ? `Tests run version ${version}.` : `From the documentation of version ${version}; not run.`}`,
    ...(hasPkce
      ? []
      : [`**${english['programs.withoutPkce'].replace('{name}', name).replace('{version}', version)}**`]),
    `- Redirect URI: \`${redirectUri}\``,
    ...(sends === undefined ? [] : [`- ${english['programs.sendsInForm']}`]),
    id === 'express'
      ? '<!-- not run: test/journeys/applications.spec.ts runs it as the page of an application shows it -->'
      : `<!-- not run: it is for ${name} and not for this machine -->`,
    `\`\`\`${language}\n${settings({ ...example, redirectUri, tokenEndpointAuthMethod })}\n\`\`\``,
  ]
    .join('\n\n')
    .replace(/(\n- [^\n]*)\n\n(?=- )/, '$1\n');
}
