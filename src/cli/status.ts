/** What of /api/models the table shows. */
interface ModelRow {
  readonly model: string;
  readonly state: string;
  readonly step: string | null;
  readonly etaMs: number | null;
  readonly inFlight: number;
  readonly queue: { readonly waiting: number };
  readonly replicas: readonly { readonly state: string }[];
  readonly lastStarts: readonly { readonly outcome: string | null; readonly totalMs?: number | null }[];
  readonly failure: { readonly reason: string } | null;
}

/** `pilotlight status`: a table of the models of the gateway whose admin port is at `adminUrl`. */
export async function status(adminUrl: string): Promise<void> {
  const token = process.env.PILOTLIGHT_ADMIN_TOKEN;
  const url = `${adminUrl.replace(/\/$/, '')}/api/models`;
  const response = await fetch(
    url,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  ).catch((cause: unknown) => {
    throw new Error(`no gateway answers at ${adminUrl}: is it running, and is that its admin address?`, {
      cause,
    });
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  const { models } = (await response.json()) as { models: ModelRow[] };
  process.stdout.write(table([header, ...models.map(row)]));
}

const header = ['MODEL', 'STATE', 'REPLICAS', 'WAITING', 'IN FLIGHT', 'LAST START', 'ETA', 'REASON'];

function row(model: ModelRow): string[] {
  const ready = model.replicas.filter(({ state }) => state === 'ready').length;
  const last = model.lastStarts[0];
  return [
    model.model,
    model.step === null ? model.state : `${model.state} (${model.step})`,
    `${ready}/${model.replicas.length}`,
    String(model.queue.waiting),
    String(model.inFlight),
    last === undefined
      ? '-'
      : `${last.outcome ?? 'running'}${last.totalMs == null ? '' : ` ${seconds(last.totalMs)}`}`,
    model.etaMs === null ? '-' : seconds(model.etaMs),
    model.failure?.reason ?? '',
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function table(rows: readonly string[][]): string {
  const widths = header.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  return rows
    .map(
      (cells) =>
        `${cells
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
