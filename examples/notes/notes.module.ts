import { Module } from '@nestjs/common';
import { AuditModule } from '@vestibule-auth/vestibule';
import { NotesController } from './notes.controller.js';
import { NotesService } from './notes.service.js';
import { WelcomeController } from './welcome.controller.js';

/** Everything about notes. */
@Module({
  imports: [AuditModule],
  controllers: [WelcomeController, NotesController],
  providers: [NotesService],
})
export class NotesModule {}
