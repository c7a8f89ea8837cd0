import type { Command } from 'commander';

/** Adds `vestibule start`: what `npm start` does in a checkout, for an installed package. */
export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('start the gateway, and Kratos and Hydra with it unless they run elsewhere')
    .addHelpText(
      'after',
      '\nSettings are environment variables, or a file .env in this folder. Data goes to DATA_DIR (.data).',
    )
    .action(async () => {
      await import('../launcher/main.js');
    });
}
