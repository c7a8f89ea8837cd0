import { Module } from '@nestjs/common';
import { LanguageCatalogue } from './language.catalogue.js';

/** The texts that people read, in their language. */
@Module({ providers: [LanguageCatalogue], exports: [LanguageCatalogue] })
export class LanguagesModule {}
