import { english } from '../../platform/i18n/locales/en.js';
import { type Program, openIdAddresses, programs } from './program.catalogue.js';

const [start, end] = ['<!-- programs:start -->', '<!-- programs:end -->'];
const example = {
  ...openIdAddresses('https://auth.example.org'),
  clientId: '<client id>',
  scope: 'openid profile email',
};

/** Renders the section of programs into docs/applications.md. @param document the document so far. */
export function renderApplicationDocs(document: string): string {
  const [before = '', rest = ''] = document.split(start);
  const [, after = ''] = rest.split(end);
  return `${before}${start}\n\n${programs.map((program) => sectionOf(program)).join('\n\n')}\n\n${end}${after}`;
}

function sectionOf(program: Program): string {
  const { id, name, version, redirectUri, language, sends, hasPkce, settings } = program;
  const tokenEndpointAuthMethod = sends ?? 'client_secret_basic';
  return [
    `### ${name}`,
    `${english[`programs.${id}.where`]} Checked against version ${version}.`,
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
