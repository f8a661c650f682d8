import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';

/** Section to key to values; a unit file is lines of KEY=VALUE under [SECTION]. */
function parseUnit(text: string): Record<string, Record<string, string>> {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const heading = /^\[(\w+)\]$/.exec(line);
    const entry = /^(\w+)=(.+)$/.exec(line);
    if (heading) section = sections[heading[1]!] = {};
    else if (entry) section[entry[1]!] = entry[2]!;
    else throw new Error(`not a line of a unit file: ${line}`);
  }
  return sections;
}

const unit = parseUnit(readFileSync('deploy/pilotlight.service', 'utf8'));

describe('pilotlight.service', () => {
  it('waits longer for the end than the gateway takes to drain and to stop its backends by default', () => {
    const text = 'models: { m: { backend: { driver: process, command: [x] } } }';
    const settings = parseConfig(text, { file: 'pilotlight.yaml', env: {}, readFile: () => '' });
    const { backend } = settings.models.get('m')!.revision;
    const stopGraceMs = backend.driver === 'process' ? backend.stopGraceMs : Number.NaN;
    const timeoutMs = Number(unit.Service!.TimeoutStopSec) * 1_000;
    expect(timeoutMs).toBeGreaterThan(settings.server.drainMs + stopGraceMs);
  });

  it('signals the gateway alone, which ends its backends itself', () => {
    expect(unit.Service!.KillMode).toBe('mixed');
  });

  it('runs an absolute command as a user of its own, where the state may be written', () => {
    expect(unit.Service!.ExecStart).toMatch(/^\/\S+\/pilotlight serve --config \/etc\/\S+\.yaml$/);
    expect(unit.Service!.User).toBe('pilotlight');
    expect(unit.Service!.WorkingDirectory).toBe(`/var/lib/${unit.Service!.StateDirectory}`);
  });
});
