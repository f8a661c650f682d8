import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endOrphans } from '../../../src/drivers/process/orphans.ts';
import { formatOwner, ownerVariable, parseOwner, readIdentity } from '../../../src/drivers/process/owner.ts';
import { isAlive, untilDead } from './children.ts';

/** A server with a worker that has left its group and closed its streams: only its environment tells whose it is. */
const replicaScript = `
  const worker = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  process.on('SIGTERM', () => {});
  require('http').createServer().listen(+process.argv[1], '127.0.0.1', () => console.log('pids ' + process.pid + ' ' + worker.pid));
`;

interface Gateway {
  readonly child: ChildProcess;
  readonly replicaPid: number;
  readonly workerPid: number;
  readonly port: number;
}

describe.runIf(process.platform === 'linux')('orphans', () => {
  let ownHash: string;
  let otherHash: string;
  let pids: number[];

  beforeEach(() => {
    ownHash = randomUUID();
    otherHash = randomUUID();
    pids = [];
  });
  afterEach(async () => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await Promise.all(pids.map(untilDead));
    for (const hash of [ownHash, otherHash]) await endOrphans(hash);
  });

  async function startGateway(hash: string): Promise<Gateway> {
    const script = new URL('./gateway-script.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, hash, replicaScript], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    pids.push(child.pid!);
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
    const [replicaPid = 0, workerPid = 0, port = 0] = line.split(' ').slice(1).map(Number);
    pids.push(replicaPid, workerPid);
    return { child, replicaPid, workerPid, port };
  }

  async function killGateway({ child }: Gateway): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  it('ends what a killed gateway left behind, its grandchildren too, and frees the port', async () => {
    const gateway = await startGateway(ownHash);
    await killGateway(gateway);
    expect([gateway.replicaPid, gateway.workerPid].map(isAlive)).toEqual([true, true]);
    expect(await endOrphans(ownHash)).toBe(2);
    expect([gateway.replicaPid, gateway.workerPid].map(isAlive)).toEqual([false, false]);
    const server = createServer().listen(gateway.port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    expect(await endOrphans(ownHash)).toBe(0);
  });

  it('ends those that a signal has stopped', async () => {
    const gateway = await startGateway(ownHash);
    process.kill(-gateway.replicaPid, 'SIGSTOP');
    await killGateway(gateway);
    expect(await endOrphans(ownHash)).toBe(2);
    expect([gateway.replicaPid, gateway.workerPid].map(isAlive)).toEqual([false, false]);
  });

  it('leaves alone what another configuration left behind', async () => {
    const gateway = await startGateway(otherHash);
    await killGateway(gateway);
    expect(await endOrphans(ownHash)).toBe(0);
    expect([gateway.replicaPid, gateway.workerPid].map(isAlive)).toEqual([true, true]);
  });

  it('leaves alone the processes of a gateway that still runs', async () => {
    const gateway = await startGateway(ownHash);
    expect(await endOrphans(ownHash)).toBe(0);
    expect([gateway.replicaPid, gateway.workerPid].map(isAlive)).toEqual([true, true]);
    await killGateway(gateway);
    expect(await endOrphans(ownHash)).toBe(2);
  });

  it('takes a gateway for dead when its pid was given to another process since', async () => {
    const self = readIdentity(process.pid)!;
    const owner = { hash: ownHash, pid: process.pid, startTime: String(Number(self.startTime) - 1) };
    const child = spawn('sleep', ['60'], { env: { ...process.env, [ownerVariable]: formatOwner(owner) } });
    pids.push(child.pid!);
    const exit = once(child, 'exit');
    expect(await endOrphans(ownHash)).toBe(1);
    await exit;
    await untilDead(child.pid!);
  });

  it('takes a gateway for dead that nobody has waited for yet', async () => {
    // The shell becomes a program that never waits for the child that the shell left it.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    pids.push(parent.pid!);
    const [line] = (await once(createInterface(parent.stdout!), 'line')) as [string];
    await untilDead(Number(line));
    const zombie = readIdentity(Number(line))!;
    expect(zombie.isZombie).toBe(true);
    const mark = formatOwner({ hash: ownHash, pid: zombie.pid, startTime: zombie.startTime });
    const child = spawn('sleep', ['60'], { env: { ...process.env, [ownerVariable]: mark } });
    pids.push(child.pid!);
    await once(child, 'spawn');
    expect(await endOrphans(ownHash)).toBe(1);
  });

  it('leaves alone a process whose mark only contains the hash', async () => {
    const owner = { hash: `x${ownHash}`, pid: 4_194_300, startTime: '1' };
    const env = {
      ...process.env,
      [ownerVariable]: formatOwner(owner),
      NOTE: `${ownerVariable}=${ownHash}:1:1`,
    };
    const child = spawn('sleep', ['60'], { env });
    pids.push(child.pid!);
    await once(child, 'spawn');
    expect(await endOrphans(ownHash)).toBe(0);
    expect(isAlive(child.pid!)).toBe(true);
  });
});

describe('owner', () => {
  it('reads back what it wrote, also when the hash holds a colon', () => {
    const owner = { hash: 'sha256:ab', pid: 12, startTime: '345' };
    expect(parseOwner(formatOwner(owner))).toEqual(owner);
  });

  it.each(['', 'ab', 'ab:1', 'ab:1:', ':1:2', 'ab:x:2'])('takes %j for the mark of nobody', (text) => {
    expect(parseOwner(text)).toBeNull();
  });

  it.runIf(process.platform === 'linux')('knows no process of a pid that does not exist', () => {
    expect(readIdentity(4_194_305)).toBeNull();
  });
});
