import 'reflect-metadata';
import { createApp } from '../../src/app.setup.js';
import { loadConfiguration } from '../../src/config/configuration.js';
import { NotesModule } from './notes.module.js';
import { PlanEnricher } from './plan.enricher.js';

const configuration = loadConfiguration(process.env);
const app = await createApp(configuration, { modules: [NotesModule], claimsEnricher: PlanEnricher });
await app.listen(configuration.PORT, configuration.HOST);
