const general = `Usage: pilotlight COMMAND [FLAGS]

  serve          run the gateway (the default command)
  sidecar        run before one container, in place of Knative's queue-proxy or by itself
  check          name every fault of a configuration
  status         print a table of the models of a running gateway
  simulate       play recorded requests against the gateway's decisions, and count waits and replica-hours
  demo-backend   run a simulated OpenAI-compatible backend
  version        print the version

pilotlight COMMAND --help tells the flags of a command.`;

const serve = `Usage: pilotlight [serve] [--config FILE]

Runs the gateway until SIGTERM or SIGINT; then it serves what it has within server.drain and ends. A second signal ends
it and its backends at once. A changed FILE is taken while it runs.

  --config FILE  the configuration; default: pilotlight.yaml`;

const sidecar = `Usage: pilotlight sidecar

Runs before one container until SIGTERM or SIGINT; then it serves what still comes, and ends. A second signal ends it at
once. It is told everything by its environment: of Knative's queue-proxy where Knative wrote it, else

  USER_PORT                port of the container, on 127.0.0.1
  CONTAINER_CONCURRENCY    requests that it gets at once; ten times as many wait; 0 = no limit
  QUEUE_SERVING_PORT       where it listens; default: 8012

docs/sidecar.md names the others.`;

const check = `Usage: pilotlight check [--config FILE]

Names every fault of a configuration with its line and path, and what is probably not meant as a warning. The exit code
is 1 when there is a fault.

  --config FILE  the configuration; default: pilotlight.yaml`;

const status = `Usage: pilotlight status [--admin URL] [--json]

Prints a table of the models of a running gateway. Its admin token, if it has one, is taken from the environment
variable PILOTLIGHT_ADMIN_TOKEN.

  --admin URL    address of the admin port; default: http://127.0.0.1:9090
  --json         prints what the admin API tells of the models`;

const simulate = `Usage: pilotlight simulate (--trace FILE | --generate ARRIVALS) --load DURATION [FLAGS]

Plays requests against the gateway's own queue, activation and decisions on a virtual clock, once for each policy, and
prints how many were cold, how long they waited, and the replica-hours it took. docs/simulate.md tells what can be read.

  --trace FILE            CSV, this gateway's log, nginx, Envoy, LiteLLM; plain or gzip; may be repeated; looked for in
                          the folder PILOTLIGHT_TRACES too
  --load DURATION         how long a start takes: 22.7s, or quantiles: 1%:1.5s,50%:22.7s,99%:51.9s
  --policy POLICY         fixed:DURATION (to zero after so long without a request), adaptive[:COST] (after a learned
                          time), kpa (Knative's arithmetic), queue-delay:DURATION or waiting:NUMBER (further
                          replicas where requests wait longer, or more wait for each) or always (never to zero);
                          may be repeated; default: fixed:1m, fixed:5m, fixed:10m, fixed:30m and always
  --judge-from DURATION   what was before counts for nothing but what it leaves behind; default: 0
  --price AMOUNT          of a replica-hour; prints the cost
  --concurrency COUNT     requests at once per replica, 0 = no limit; default: 100
  --max COUNT             most replicas of a model; default: 1
  --gpus SIZES            GPUs that all models share: 2x24GiB,80GiB; default: always enough
  --needs [MODEL=]SIZE    what a replica takes of a GPU, or 2x20GiB of two; may be repeated; default: a whole GPU
  --max-pass DURATION     how long one that waits for room is passed by requests to others (swap.maxPass); default: 2m
  --seed NUMBER           of everything that is random; default: 1
  --model NAME            of requests that name none; default: the file's name
  --model-from WHAT       host or path: what names the model in an access log; default: host
  --prompt-rate TOKENS    per second, where a trace tells only tokens; default: 5000
  --answer-rate TOKENS    per second, where a trace tells only tokens; default: 50
  --generate ARRIVALS     poisson:6/h, burst:20@2/d, daily:100/d, regular:1/h, each with xMODELS behind it; several with
                          commas
  --for DURATION          how long requests are generated; default: 7d
  --exec DURATION         how long a generated request runs, as --load; default: 5s
  --json                  prints everything as JSON, with the figures of each model
  --fit LIMITS            proposes settings as YAML that keep p95<5s, mean<2s, cold<10% or hours<24 (replica-hours in a
                          day; several with commas); chosen before --judge-from (default: half), judged on the rest
  --fit-by FIGURE         of those that keep the limits, which has the least: hours, mean, p50, p95, p99 or cold;
                          default: hours
  --html FILE             writes a page with plots as well: 17 further policies are played for it
  --day-of MODEL          whose day it shows; default: the model that was asked most on one day`;

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
  --slots COUNT              requests at once, the others wait in order; default: 4
  --sleep-mode on            sleeps and wakes as vLLM does with --enable-sleep-mode; default: off
  --wake-time DURATION       to wake from level 1; default: 200ms
  --reload-time DURATION     to reload the weights after level 2; default: 1s
  --failing PATHS            paths of the sleep mode, with query and commas between, that answer 500`;

const version = `Usage: pilotlight version

Prints the version.`;

const usageByCommand: Readonly<Record<string, string>> = {
  serve,
  sidecar,
  check,
  status,
  simulate,
  'demo-backend': demoBackend,
  version,
};

/** What `--help` prints: of a command, or of the whole program where it is none. */
export function usageOf(command: string | undefined): string {
  return command !== undefined && Object.hasOwn(usageByCommand, command) ? usageByCommand[command]! : general;
}
