import { type FormatOptions, instantOf, row, type TraceFormat } from './trace-format.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const quoted = String.raw`"((?:[^"\\]|\\.)*)"`;

/** combined, then $request_time and, if it is there, a quoted field that names the model: "$host", "$upstream_addr". */
const nginxLine = new RegExp(
  String.raw`^\S+ - .+? \[(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] ${quoted} \d{3} \S+ ${quoted} ${quoted} (\d+\.\d+)(?: ${quoted})?`,
);

/** nginx's combined log with $request_time behind it. $time_local is the end of a request, in whole seconds. */
export const nginxLog: TraceFormat = {
  name: 'nginx',
  looks: `nginx's combined log with $request_time at its end, and perhaps "$host" behind it`,
  origin: 'epoch',
  reader: (record, options) => (nginxLine.test(record) ? (line) => readNginx(line, options) : null),
};

function readNginx(line: string, options: FormatOptions) {
  const match = nginxLine.exec(line);
  if (match === null) return 'malformed';
  const [, day, month, year, time, offsetH, offsetM, request = '', , , seconds, host = ''] = match;
  const at = String(months.indexOf(month!) + 1).padStart(2, '0');
  const endMs = instantOf(`${year}-${at}-${day}T${time}${offsetH}:${offsetM}`);
  const execMs = Number(seconds) * 1000;
  const path = request.split(' ')[1] ?? '';
  return row(modelOf({ host, path }, options), endMs - execMs, execMs);
}

/** Envoy's default format, or Istio's, which has three fields more; DURATION is in milliseconds, START_TIME is the arrival. */
const envoyLine = new RegExp(
  String.raw`^\[([^\]]+)\] ${quoted} \d+ \S+ (?:\S+ \S+ "[^"]*" )?\d+ \d+ (\d+) \S+ ${quoted} ${quoted} ${quoted} ${quoted} ${quoted}`,
);

/** Envoy's access log as it is without a format of one's own. */
export const envoyLog: TraceFormat = {
  name: 'envoy',
  looks: "Envoy's or Istio's default access log",
  origin: 'epoch',
  reader: (record, options) => (envoyLine.test(record) ? (line) => readEnvoy(line, options) : null),
};

function readEnvoy(line: string, options: FormatOptions) {
  const match = envoyLine.exec(line);
  if (match === null) return 'malformed';
  const [, start = '', request = '', durationMs, , , , host = ''] = match;
  const path = request.split(' ')[1] ?? '';
  return row(modelOf({ host, path }, options), instantOf(start), Number(durationMs));
}

function modelOf(
  { host, path }: { readonly host: string; readonly path: string },
  { model, modelFrom }: FormatOptions,
): string {
  const name = modelFrom === 'host' ? host : (/^(?:\w+:\/\/[^/]*)?\/([^/?#]+)/.exec(path)?.[1] ?? '');
  return name === '' || name === '-' ? model : name;
}
