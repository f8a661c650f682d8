import { parseArgs } from 'node:util';
import { check } from './cli/check.ts';

const usage = `Usage: pilotlight COMMAND [OPTIONS]

  serve --config FILE      run the gateway (the default command)
  check --config FILE      name every fault of a configuration; exit 1 when there is one
  status [--admin URL]     print a table of the models of a running gateway (token: PILOTLIGHT_ADMIN_TOKEN)
  demo-backend [FLAGS]     run a simulated OpenAI-compatible backend: --port --host --model --load-time 3s
                           --first-token 80ms --tokens-per-second 50 --tokens 24 --slots 4
  version                  print the version

FILE defaults to pilotlight.yaml.`;

/** A message for the person at the terminal; the process ends with `exitCode`. */
function fail(message: string, exitCode: number): void {
  process.stderr.write(`pilotlight: ${message}\n`);
  process.exitCode = exitCode;
}

async function run(argv: readonly string[]): Promise<void> {
  const [first = 'serve', ...rest] = argv;
  if (first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const command = first.startsWith('-') ? 'serve' : first;
  const args = first.startsWith('-') ? [...argv] : rest;
  if (command === 'demo-backend') return (await import('./cli/demo-backend.ts')).demoBackend(args);
  if (command === 'version') return (await import('./cli/version.ts')).version();
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string', default: 'pilotlight.yaml' }, admin: { type: 'string' } },
  });
  if (command === 'serve') return (await import('./cli/serve.ts')).serve(values.config);
  if (command === 'check') return check(values.config);
  if (command === 'status')
    return (await import('./cli/status.ts')).status(values.admin ?? 'http://127.0.0.1:9090');
  fail(`unknown command ${JSON.stringify(command)}\n\n${usage}`, 2);
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const isUsage = (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  fail(error instanceof Error ? error.message : String(error), isUsage ? 2 : 1);
});
