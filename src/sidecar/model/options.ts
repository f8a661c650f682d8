import { formatDuration, maxDurationMs, parseDuration } from '../../config/quantities.ts';
import { custom, flag, Misfit, text, type Variable, whole } from '../environment/variable.ts';

/** A request that a hook is, as `POST /sleep?level=1`. */
export interface Hook {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
}

/** An option of the model features, and which other one it takes to have an effect; null: it stands alone. */
interface Option<Value> extends Variable<Value> {
  readonly needs: string | null;
}

/** More that wait are a mistake. */
const mostWaiting = 1_000_000;

/**
 * What may be asked for models, by name: `qpoption.knative.dev/pilotlight-NAME` among the annotations of a revision, and in
 * plain mode a variable (`variableOf`). Parsing, messages and docs/sidecar-reference.md come from this table. With none
 * of them a sidecar does what Knative's own does.
 */
export const modelOptions = {
  heartbeat: alone(
    duration({
      meaning:
        'How often who waits with `stream: true` gets an SSE comment with its position. The first one commits the answer to 200; 0 = never.',
      fallback: 0,
    }),
  ),
  'openai-errors': alone(
    flag({
      meaning:
        "What the sidecar refuses is answered in OpenAI's JSON, with a code, `retry-after` and `x-should-retry`, in place of a line of text.",
      fallback: false,
    }),
  ),
  priorities: alone(
    flag({
      meaning: '`x-pilotlight-priority: high`, `normal` or `low` decides who of the waiting is next.',
      fallback: false,
    }),
  ),
  deadlines: alone(
    flag({
      meaning:
        'Nobody waits longer than its client says in `x-stainless-timeout`, `x-scale-up-timeout` or `x-request-timeout`.',
      fallback: false,
    }),
  ),
  'queue-depth': alone(
    depth({
      meaning: 'Requests that may wait; further ones are refused. 0 = nobody waits.',
      standard: 'ten times CONTAINER_CONCURRENCY',
    }),
  ),
  'queue-timeout': alone(
    duration({
      meaning: "Longest wait for a slot. 0 = as long as the revision's own time-outs allow.",
      fallback: 0,
    }),
  ),
  loading: alone(
    text({
      meaning:
        'Text in a 503 of the app by which it says that it is still loading, such as `Loading model`: not ready then, even where its readiness probe only looks at the port.',
      fallback: '',
      standard: 'not looked for',
    }),
  ),
  'loading-path': needing(
    'loading',
    path({
      meaning: 'Where that is asked, with GET, when the readiness probe has passed.',
      fallback: '/health',
    }),
  ),
  metrics: alone(
    flag({
      meaning:
        'Time to the first token, tokens, their rate and gaps, and the age of the queue among the metrics.',
      fallback: false,
    }),
  ),
  adaptive: alone(
    flag({
      meaning:
        "The concurrency follows the app's own gauges (vLLM, SGLang, TGI, llama-server, Triton); CONTAINER_CONCURRENCY, or 1,000 where that is 0, is the most.",
      fallback: false,
    }),
  ),
  'adaptive-path': needing(
    'adaptive',
    path({ meaning: 'Where the app tells its gauges, for Prometheus.', fallback: '/metrics' }),
  ),
  'adaptive-every': needing(
    'adaptive',
    duration({ meaning: 'How often they are read.', fallback: 1000, min: 100 }),
  ),
  'adaptive-waiting': needing(
    'adaptive',
    whole({
      meaning: 'Requests that may wait in the app itself before it gets fewer.',
      fallback: 0,
      max: mostWaiting,
    }),
  ),
  'sleep-idle': alone(
    duration({
      meaning: 'After so long without a request the app is sent to sleep. 0 = never.',
      fallback: 0,
    }),
  ),
  'sleep-hook': needing(
    'sleep-idle',
    hook({
      meaning: 'Request that sends the app to sleep; the default is that of vLLM.',
      fallback: { method: 'POST', path: '/sleep?level=1' },
    }),
  ),
  'wake-hook': needing(
    'sleep-idle',
    hook({
      meaning: 'Request that wakes it, sent when the next request comes.',
      fallback: { method: 'POST', path: '/wake_up' },
    }),
  ),
  'wake-path': needing(
    'sleep-idle',
    path({ meaning: 'Path whose 200 tells that it is awake.', fallback: '/health' }),
  ),
  'wake-timeout': needing(
    'sleep-idle',
    duration({ meaning: 'Longest time of waking.', fallback: 120_000, min: 1 }),
  ),
} as const;

function alone<Value>(variable: Variable<Value>): Option<Value> {
  return { ...variable, needs: null };
}

function needing<Value>(needs: string, variable: Variable<Value>): Option<Value> {
  return { ...variable, needs };
}

/** A duration with its unit, at least `min` milliseconds; the code gets milliseconds. */
function duration(row: { meaning: string; fallback: number; min?: number }): Variable<number> {
  const { meaning, fallback, min = 0 } = row;
  const expects = `a duration with its unit, such as 20s, 1m30s${min === 0 ? ' or 0' : ''}`;
  return custom({ meaning, fallback, expects, standard: formatDuration(fallback) }, (value) => {
    const ms = parseDuration(value);
    if (ms === null) return new Misfit(expects);
    if (ms < min) return new Misfit(`at least ${formatDuration(min)}`);
    return ms <= maxDurationMs ? ms : new Misfit(`at most ${formatDuration(maxDurationMs)}`);
  });
}

/** A count, or null where none is given. */
function depth(row: { meaning: string; standard: string }): Variable<number | null> {
  const { expects, parse } = whole({ meaning: row.meaning, fallback: 0, max: mostWaiting });
  return custom<number | null>({ ...row, fallback: null, expects }, parse);
}

function path(row: { meaning: string; fallback: string }): Variable<string> {
  const expects = 'a path that begins with /';
  return custom({ ...row, expects, standard: row.fallback }, (value) =>
    /^\/[\x21-\x7e]*$/.test(value) ? value : new Misfit(expects),
  );
}

function hook(row: { meaning: string; fallback: Hook }): Variable<Hook> {
  const expects = 'a method and a path, such as POST /sleep?level=1';
  const { method, path: target } = row.fallback;
  return custom({ ...row, expects, standard: `${method} ${target}` }, (value) => {
    const [, verb, at] = /^([A-Z]{1,16}) (\/[\x21-\x7e]*)$/.exec(value) ?? [];
    return verb === undefined || at === undefined ? new Misfit(expects) : { method: verb, path: at };
  });
}
