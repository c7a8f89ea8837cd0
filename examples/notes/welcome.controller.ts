import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Principal, CurrentUser, OptionalSession, Public } from '@vestibule-auth/vestibule';

const textSchema = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };

/** Routes that are open to everybody. */
@ApiTags('notes')
@Controller('api/v1/notes')
export class WelcomeController {
  /** Nobody looks for a session. */
  @Get('about')
  @Public()
  @ApiOperation({ summary: 'What this is', description: 'Open to everybody.' })
  @ApiResponse({ status: 200, description: 'A text.', schema: textSchema })
  about(): { text: string } {
    return { text: 'Notes that an organisation shares.' };
  }

  /** Who is logged in is known, and nobody must be. */
  @Get('welcome')
  @OptionalSession()
  @ApiOperation({ summary: 'A greeting', description: 'By name, for who is logged in.' })
  @ApiResponse({ status: 200, description: 'A text.', schema: textSchema })
  welcome(@CurrentUser({ optional: true }) principal: Principal | undefined): { text: string } {
    return { text: principal === undefined ? 'Welcome. Please log in.' : `Welcome, ${principal.user.name}.` };
  }
}
