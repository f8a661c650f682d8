const general = `Usage: pilotlight COMMAND [FLAGS]

  serve          run the gateway (the default command)
  check          name every fault of a configuration
  status         print a table of the models of a running gateway
  demo-backend   run a simulated OpenAI-compatible backend
  version        print the version

pilotlight COMMAND --help tells the flags of a command.`;

const serve = `Usage: pilotlight [serve] [--config FILE]

Runs the gateway until SIGTERM or SIGINT; then it serves what it has within server.drain and ends. A second signal ends
it and its backends at once. A changed FILE is taken while it runs.

  --config FILE  the configuration; default: pilotlight.yaml`;

const check = `Usage: pilotlight check [--config FILE]

Names every fault of a configuration with its line and path, and what is probably not meant as a warning. The exit code
is 1 when there is a fault.

  --config FILE  the configuration; default: pilotlight.yaml`;

const status = `Usage: pilotlight status [--admin URL] [--json]

Prints a table of the models of a running gateway. Its admin token, if it has one, is taken from the environment
variable PILOTLIGHT_ADMIN_TOKEN.

  --admin URL    address of the admin port; default: http://127.0.0.1:9090
  --json         prints what the admin API tells of the models`;

const demoBackend = `Usage: pilotlight demo-backend [FLAGS]

Runs a simulated OpenAI-compatible backend: no model is loaded and nothing is computed, only the timing of one is
played, and its answers say so.

  --port PORT                where it listens, 0 for any free port; default: 8000
  --host HOST                default: 127.0.0.1
  --model NAME               the name it answers under; default: demo
  --load-time DURATION       answers 503 "Loading model" for this long at first; default: 3s
  --first-token DURATION     from a free slot to the first token; default: 80ms
  --tokens-per-second RATE   per request; default: 50
  --tokens COUNT             length of an answer that no max_tokens cuts short; default: 24
  --slots COUNT              requests at once, the others wait in order; default: 4`;

const version = `Usage: pilotlight version

Prints the version.`;

const usageByCommand: Readonly<Record<string, string>> = {
  serve,
  check,
  status,
  'demo-backend': demoBackend,
  version,
};

/** What `--help` prints: of a command, or of the whole program where it is none. */
export function usageOf(command: string | undefined): string {
  return command !== undefined && Object.hasOwn(usageByCommand, command) ? usageByCommand[command]! : general;
}
