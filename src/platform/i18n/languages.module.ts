import { Module } from '@nestjs/common';
import { LanguageCatalogue } from './language.catalogue.js';

/** The module of translated texts. */
@Module({ providers: [LanguageCatalogue], exports: [LanguageCatalogue] })
export class LanguagesModule {}
