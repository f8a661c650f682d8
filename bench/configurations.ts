/** Configuration texts of the programs that are measured. Ports are on loopback. */

/** nginx as one process that forwards with keep-alive to the backend. */
export function nginxProxy(options: { port: number; backendPort: number; dir: string }): string {
  return nginx(
    options.dir,
    `
  upstream backend { server 127.0.0.1:${options.backendPort}; keepalive 512; }
  server {
    listen 127.0.0.1:${options.port} backlog=4096;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }`,
  );
}

/** nginx as a backend with a fixed answer of about 200 bytes. Its /health is the same answer. */
export function nginxBackend(options: { port: number; dir: string; stubPort?: number }): string {
  const content = 'x'.repeat(60);
  const answer = `{"id":"bench","object":"chat.completion","model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"${content}"},"finish_reason":"stop"}]}`;
  return nginx(
    options.dir,
    `
  server {
    listen 127.0.0.1:${options.port} backlog=4096;
    default_type application/json;
    location / { return 200 '${answer}'; }
${options.stubPort === undefined ? '' : stubLocation(options.stubPort)}
  }`,
  );
}

/** What is below /stub/ goes to the stub, so that one backend has quick fixed answers and streams. */
function stubLocation(stubPort: number): string {
  return `    location /stub/ {
      proxy_pass http://127.0.0.1:${stubPort}/;
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_request_buffering off;
    }`;
}

function nginx(dir: string, servers: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${dir}/${name};`)
    .join('\n');
  return `daemon off;
master_process off;
pid ${dir}/pid;
error_log stderr crit;
events { worker_connections 15000; }
http {
${temporary}
  access_log off;
  keepalive_requests 1000000000;
  client_max_body_size 32m;
${servers}
}
`;
}

/** HAProxy with one thread. */
export function haproxy(options: { port: number; backendPort: number }): string {
  return `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  http-reuse always
  option http-no-delay
frontend front
  bind 127.0.0.1:${options.port}
  default_backend back
backend back
  server one 127.0.0.1:${options.backendPort}
`;
}

/** What of the gateway's configuration differs between scenarios. */
export interface GatewayOptions {
  readonly port: number;
  readonly adminPort: number;
  /** The port of a backend that is up, or the command that starts one, with {port} in it. */
  readonly backend: number | readonly string[];
  readonly dir: string;
  readonly concurrency: number;
  /** 0: scaled to zero when idle, by `idle`; 1: always on. */
  readonly minReplicas: 0 | 1;
  readonly idle: string;
  /** null: no surface makes jobs. */
  readonly jobs: { readonly store: string; readonly stateDir: string } | null;
}

/** pilotlight.yaml with one model, "bench", and everything else as it ships. */
export function gateway(options: GatewayOptions): string {
  const { backend } = options;
  const driver =
    typeof backend === 'number'
      ? `driver: static\n      urls: ["http://127.0.0.1:${backend}"]`
      : `driver: process\n      command: ${JSON.stringify(backend)}`;
  return `server:
  listen: 127.0.0.1:${options.port}
  admin: 127.0.0.1:${options.adminPort}
  heldMemory: 64MiB
  spool: { dir: ${options.dir}/spool, max: 4GiB }
  drain: 1s
${options.jobs === null ? '' : jobsPart(options.jobs)}models:
  bench:
    backend:
      ${driver}
      ready: { path: /health }
    concurrency: ${options.concurrency}
    queue: { max: 20000 }
    scale: { min: ${options.minReplicas}, max: 1, idle: ${options.idle} }
${options.jobs === null ? '' : pausedModel}`;
}

function jobsPart({ store, stateDir }: NonNullable<GatewayOptions['jobs']>): string {
  return `store: ${store}
stateDir: ${stateDir}
surfaces: { jobs: {}, batch: {}, runpod: { prefix: /runpod } }
`;
}

/** Its jobs stay queued. */
const pausedModel = `  paused:
    backend: { driver: static, urls: ["http://127.0.0.1:9"] }
    scale: { pause: true }
`;

/** The sidecar's environment before one container, as in a pod: all that it is told. */
export function sidecarVariables(options: {
  readonly port: number;
  readonly backendPort: number;
  readonly concurrency: number;
}): string[] {
  const variables = {
    USER_PORT: options.backendPort,
    CONTAINER_CONCURRENCY: options.concurrency,
    QUEUE_SERVING_PORT: options.port,
    PILOTLIGHT_QUEUE_DEPTH: 20_000,
    PILOTLIGHT_ADMIN_PORT: 0,
    PILOTLIGHT_STATS_PORT: 0,
    METRICS_PROMETHEUS_PORT: 0,
  };
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

/**
 * A wrk script: POST of a chat body, of about 500 bytes or as many as its first argument says, each connection pausing as
 * many milliseconds before each as its second says; to the path of its third, with what its fourth puts before and its
 * fifth after the chat's fields; prints one JSON line at its end.
 */
export const wrkScript = `wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.headers["content-type"] = "application/json"
function init(args)
  local pauseMs = tonumber(args[2]) or 0
  -- wrk takes every request by a timer where there is such a function.
  if pauseMs > 0 then delay = function() return pauseMs end end
  wrk.path = args[3] or wrk.path
  local head = (args[4] or '{"model":"bench",') .. '"messages":[{"role":"user","content":"'
  local tail = '"}],"temperature":0.7}' .. (args[5] or '')
  local padding = (tonumber(args[1]) or 500) - #head - #tail
  wrk.body = head .. string.rep("why is the sky blue? ", math.floor(padding / 21)) .. tail
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"failed":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;
