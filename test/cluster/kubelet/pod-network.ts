import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { nodeAddress } from '../control-plane/credentials.ts';

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });

/** Tells its id as /proc has it, which is that of the process namespace outside, and then does nothing. */
const hold = 'read -r id rest < /proc/self/stat; echo $id; exec sleep infinity';

/** Numbers the devices, one a pod; this process makes them all. */
let devices = 0;

/**
 * The network of one pod, which all of its containers share: a loopback of its own, and its address. A process that does
 * nothing holds it, as a container runtime's `pause` does.
 */
export class PodNetwork {
  readonly #holder: ChildProcess;
  readonly #file: string;

  private constructor(holder: ChildProcess, file: string) {
    this.#holder = holder;
    this.#file = file;
  }

  /** Lays it; `address` can be reached from the node then, and the node from there. */
  static async lay(address: string): Promise<PodNetwork> {
    const holder = spawn('unshare', ['--net', 'sh', '-c', hold], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [id] = (await once(holder.stdout!, 'data')) as [Buffer];
    const file = `/proc/${id.toString().trim()}/ns/net`;
    const device = `pod${++devices}`;
    const within = (...args: string[]) =>
      execFileSync('nsenter', [`--net=${file}`, 'ip', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(holder.pid));
    ip('link', 'set', device, 'up');
    within('link', 'set', 'lo', 'up');
    within('addr', 'add', `${address}/32`, 'dev', 'eth0');
    within('link', 'set', 'eth0', 'up');
    within('route', 'add', 'default', 'dev', 'eth0');
    // All addresses of pods are the node's own, but for this one: the longer prefix goes first.
    const way = ['dev', device, 'table', 'local', 'src', nodeAddress];
    ip('route', 'replace', 'unicast', `${address}/32`, ...way);
    return new PodNetwork(holder, file);
  }

  /** Starts a program in it, with these variables and PATH. */
  spawn(argv: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    return spawn('nsenter', [`--net=${this.#file}`, '--', ...argv], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { PATH: process.env.PATH, ...env },
    });
  }

  /** Takes it away, with its device and route, once no container is left in it. */
  close(): void {
    this.#holder.kill('SIGKILL');
  }
}
