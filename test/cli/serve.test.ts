import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOwner } from '../../src/drivers/process/owner.ts';
import { isAlive, untilDead } from '../drivers/process/children.ts';
import { type Program, startProgram } from './program.ts';

/** A backend that says its pid where the test looks, ignores SIGTERM and is never ready. */
const stubborn = (pidFile: string) =>
  `require('fs').writeFileSync('${pidFile}', String(process.pid)); process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`;

describe('pilotlight serve', () => {
  let dir: string;
  let pidFile: string;
  let programs: Program[];
  let servers: Server[];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pilotlight-serve-'));
    pidFile = join(dir, 'pid');
    programs = [];
    servers = [];
  });
  afterEach(async () => {
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map(({ ended }) => ended));
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const serve = (server: string, model?: string) => {
    const upModel = `{ driver: process, command: [${process.execPath}, -e, ${JSON.stringify(stubborn(pidFile))}, "{port}"] }`;
    const backend = model ?? upModel;
    const min = model === undefined ? 1 : 0;
    writeFileSync(
      join(dir, 'pilotlight.yaml'),
      `server: ${server}\nmodels: { m: { backend: ${backend}, scale: { min: ${min} } } }\n`,
    );
    const program = startProgram(['serve'], dir);
    programs.push(program);
    return program;
  };
  const occupiedPort = async () => {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const backendPid = async () => {
    const read = () => {
      try {
        return Number(readFileSync(pidFile, 'utf8'));
      } catch {
        return 0; // It has not come so far.
      }
    };
    await expect.poll(read, { timeout: 10_000 }).toBeGreaterThan(0);
    return read();
  };
  const untilSaid = (program: Program, text: string) =>
    expect.poll(() => program.stderr(), { timeout: 10_000 }).toContain(text);

  it.each(['listen', 'admin'])('says that server.%s is in use, and leaves no backend behind', async (key) => {
    const port = await occupiedPort();
    const other = key === 'listen' ? 'admin' : 'listen';
    const program = serve(`{ ${key}: "127.0.0.1:${port}", ${other}: "127.0.0.1:0" }`);
    expect(await program.ended).toBe(1);
    const lines = program.stderr().trimEnd().split('\n');
    expect(lines).toEqual([
      `pilotlight: server.${key}: 127.0.0.1:${port} is in use by another program: end that one, or choose another`,
    ]);
    const isLeft = (pid: number) => readOwner(pid)?.pid === program.pid && isAlive(pid);
    expect(readdirSync('/proc').map(Number).filter(Number.isInteger).filter(isLeft)).toEqual([]);
  });

  it.each([
    ['no.crt', 'server.tls.cert: DIR/no.crt does not exist'],
    ['pilotlight.yaml', 'server.tls: DIR/pilotlight.yaml and DIR/pilotlight.yaml are no pair'],
  ])('says what is wrong with %s as certificate and key', async (file, message) => {
    const tls = `tls: { cert: ${file}, key: pilotlight.yaml }`;
    const server = `{ listen: "127.0.0.1:0", admin: "127.0.0.1:0", ${tls} }`;
    const program = serve(server, '{ driver: static, urls: ["http://127.0.0.1:9"] }');
    expect(await program.ended).toBe(1);
    expect(program.stderr().replaceAll(dir, 'DIR')).toContain(`pilotlight: ${message}`);
    expect(program.stderr().trimEnd()).not.toContain('\n');
  });

  it('warns at the start of a spool folder in which nothing can be written', async () => {
    writeFileSync(join(dir, 'file'), '');
    const server = `{ listen: "127.0.0.1:0", admin: "127.0.0.1:0", spool: { dir: ${join(dir, 'file/spool')} } }`;
    const program = serve(server, '{ driver: static, urls: ["http://127.0.0.1:9"] }');
    await untilSaid(
      program,
      `warning: server.spool.dir ${join(dir, 'file/spool')} cannot be written (ENOTDIR)`,
    );
  });

  it('ends with 0 on Ctrl-C when nothing runs', async () => {
    const server = '{ listen: "127.0.0.1:0", admin: "127.0.0.1:0" }';
    const program = serve(server, '{ driver: static, urls: ["http://127.0.0.1:9"] }');
    await untilSaid(program, 'Try:');
    program.kill('SIGINT');
    expect(await program.ended).toBe(0);
    expect(program.stderr()).toContain('shutting down: waiting up to 1m for running requests');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once, and kills its backends, at the second %s', async (signal, code) => {
    const program = serve('{ listen: "127.0.0.1:0", admin: "127.0.0.1:0" }');
    await untilSaid(program, 'Try:');
    const pid = await backendPid();
    program.kill(signal);
    await untilSaid(program, 'shutting down');
    expect(isAlive(pid)).toBe(true);
    program.kill(signal);
    expect(await program.ended).toBe(code);
    await untilDead(pid);
  });
});
