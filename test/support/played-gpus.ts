import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A card as the played tool tells of it; in MiB, as the real one does. */
export interface PlayedCard {
  readonly uuid?: string;
  readonly totalMib: number | string;
  readonly usedMib: number | string;
}

/** Reads what the test wrote: the real tool as far as the gateway asks it. */
const script = `#!/bin/sh
folder=$(dirname "$0")
echo "$*" >> "$folder/asked"
[ -f "$folder/hangs" ] && exec sleep 60
if [ -f "$folder/fails" ]; then cat "$folder/fails" >&2; exit 9; fi
case "$1" in
  --query-gpu=*) cat "$folder/cards" ;;
  *) cat "$folder/processes" ;;
esac
`;

/** An nvidia-smi whose answers the test sets, in a folder to be put on PATH. */
export class PlayedGpus {
  readonly folder = mkdtempSync(join(tmpdir(), 'pilotlight-gpus-'));
  /** Its absolute path. */
  readonly tool: string;

  constructor(cards: readonly PlayedCard[], name = 'nvidia-smi') {
    this.tool = join(this.folder, name);
    writeFileSync(this.tool, script);
    chmodSync(this.tool, 0o755);
    this.set(cards);
    this.hold([]);
  }

  /** What PATH must be for it to be found before any other. */
  get path(): string {
    return `${this.folder}${delimiter}${process.env.PATH ?? ''}`;
  }

  /** Cards in order of their numbers. */
  set(cards: readonly PlayedCard[]): void {
    this.say(
      'cards',
      cards.map(
        ({ uuid, totalMib, usedMib }, at) => `${at}, ${uuid ?? `GPU-${at}`}, ${totalMib}, ${usedMib}\n`,
      ),
    );
  }

  /** Who holds memory; `mib` may be what the real tool says when it does not know. */
  hold(processes: readonly { pid: number; uuid: string; mib: number | string }[]): void {
    this.say(
      'processes',
      processes.map(({ pid, uuid, mib }) => `${pid}, ${uuid}, ${mib}\n`),
    );
  }

  /** From now on it exits with this on its standard error. */
  fail(message: string): void {
    this.say('fails', [message]);
  }

  /** From now on it does not answer. */
  hang(): void {
    this.say('hangs', []);
  }

  /** How often it was asked for the cards. */
  get asked(): number {
    const lines = readFileSync(join(this.folder, 'asked'), 'utf8').split('\n');
    return lines.filter((line) => line.startsWith('--query-gpu')).length;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Whole at once, whoever reads. */
  say(file: string, lines: readonly string[]): void {
    const whole = join(this.folder, `${file}.new`);
    writeFileSync(whole, lines.join(''));
    renameSync(whole, join(this.folder, file));
  }
}
