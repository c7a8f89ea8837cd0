import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { type CommonConfiguration, featuresOf } from '../platform/config/configuration.js';
import { auditEventTypesWith } from '../platform/features/audit-event.catalogue.js';
import { eventTypeFormat } from '../operations/audit-events/audit-event.schemas.js';
import { completeDocument } from '../platform/http/openapi-completion.js';

/** Creates the OpenAPI 3.1 document of the routes that exist under this configuration. */
export function createOpenApiDocument(
  app: INestApplication,
  configuration: CommonConfiguration,
): OpenAPIObject {
  const options = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Vestibule')
    .setDescription(
      'Vestibule logs users in, by browser or access token, and keeps their sessions. Call protected endpoints with the session cookie or a bearer token. To try them here, log in with the button above.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer(configuration.PUBLIC_URL)
    .addCookieAuth(configuration.PUBLIC_URL.startsWith('https:') ? '__Host-vestibule' : 'vestibule', {
      type: 'apiKey',
      in: 'cookie',
      description: 'The session cookie. Once you are logged in, the browser sends it automatically.',
    })
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'X-API-Key',
        description: 'An API key of a user or an organisation.',
      },
      'apiKey',
    )
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'A token issued by this gateway (an “augmented token”), from `POST /auth/token`.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, options, { operationIdFactory: operationId });
  const features = featuresOf(configuration);
  const groups = Object.fromEntries(features.flatMap((feature) => Object.entries(feature.groups)));
  completeDocument(document, groups, new Map([[eventTypeFormat, auditEventTypesWith(features)]]));
  return document;
}

/** Name of a route in generated clients: `ApiKeysController.create` → `apiKeysCreate`, `MeController.me` → `me`. */
function operationId(controller: string, method: string): string {
  const noun = controller.replace(/Controller$/, '');
  const verb = method.charAt(0).toUpperCase() + method.slice(1);
  return noun.charAt(0).toLowerCase() + noun.slice(1) + (noun.endsWith(verb) ? '' : verb);
}
