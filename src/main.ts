import { asksForHelp, readFlags, takeSwitch, UsageError } from './cli/flags.ts';
import { usageOf } from './cli/usage.ts';

const defaultConfig = 'pilotlight.yaml';
const defaultAdmin = 'http://127.0.0.1:9090';

/** Each command loads only what it needs. Rejects with UsageError for what it does not understand. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  async serve(args) {
    const { config = defaultConfig } = readFlags('serve', args, ['config']);
    await (await import('./cli/serve.ts')).serve(config);
  },
  async sidecar(args) {
    readFlags('sidecar', args, []);
    await (await import('./cli/sidecar.ts')).sidecar();
  },
  async check(args) {
    const { config = defaultConfig } = readFlags('check', args, ['config']);
    await (await import('./cli/check.ts')).check(config);
  },
  async status(args) {
    const { isGiven: isJson, rest } = takeSwitch(args, '--json');
    const { admin = defaultAdmin } = readFlags('status', rest, ['admin']);
    await (await import('./cli/status.ts')).status(admin, isJson);
  },
  async simulate(args) {
    await (await import('./cli/simulate.ts')).simulateCommand(args);
  },
  async 'demo-backend'(args) {
    await (await import('./cli/demo-backend.ts')).demoBackend(args);
  },
  async version(args) {
    readFlags('version', args, []);
    await (await import('./cli/version.ts')).version();
  },
};

async function run(argv: readonly string[]): Promise<void> {
  const [first = 'serve', ...rest] = argv;
  if (first === 'help') return help(rest[0]);
  if (first === '--version') return commands.version!(rest);
  const command = first.startsWith('-') ? 'serve' : first;
  const args = first.startsWith('-') ? argv : rest;
  if (asksForHelp(args)) return help(first.startsWith('-') ? undefined : first);
  if (!Object.hasOwn(commands, command))
    throw new UsageError(`unknown command "${command}"; pilotlight --help names them`);
  await commands[command]!(args);
}

function help(command: string | undefined): void {
  process.stdout.write(`${usageOf(command)}\n`);
}

run(process.argv.slice(2)).catch((error: unknown) => {
  // A ConfigError names the file in each of its lines.
  const prefix = error instanceof Error && error.name === 'ConfigError' ? '' : 'pilotlight: ';
  process.stderr.write(`${prefix}${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
