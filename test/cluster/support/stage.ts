import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { StartRecord } from '../../../src/activation/start.ts';
import type { ModelRuntime } from '../../../src/model-runtime.ts';
import { chat, type Gateway, settingsOf, startGateway } from '../../support/gateway.ts';
import { containerPort, TestNamespace } from './cluster.ts';
import { mustKubectl } from './kubectl.ts';

/** An answer of the gateway, whole. */
export interface Answer {
  readonly status: number;
  /** Of the error; '' for an answer that is none. */
  readonly code: string;
  readonly message: string;
  readonly headers: Headers;
  readonly text: string;
  /** The connection was closed within the answer. */
  readonly isCut: boolean;
  readonly tookMs: number;
}

/** A model of the stage, as `modelYaml` writes it. */
export interface StageModel {
  readonly name: string;
  /** Default: `deployment/NAME`. */
  readonly target?: string;
  readonly startup?: string;
  readonly ready?: string;
  /** Further fields of the backend: `service: llama`. */
  readonly backend?: string;
  readonly concurrency?: number;
  /** Fields of `scale`. */
  readonly scale?: string;
  /** Further fields of the model. */
  readonly more?: string;
}

/** A model on a workload, in YAML; its replicas stay unless `scale` says otherwise. */
function modelYaml(model: StageModel): string {
  const { name, target = `deployment/${name}`, startup = '30s', ready = '', more = '' } = model;
  const { concurrency = 100, scale = 'idle: 1h', backend = '' } = model;
  return `  ${name}:
    backend:
      driver: kubernetes
      scaleTarget: ${target}
      port: ${containerPort}
      ready: { startup: ${startup}${ready === '' ? '' : `, ${ready}`} }${backend === '' ? '' : `\n      ${backend}`}
    concurrency: ${concurrency}
    scale: { ${scale} }${more === '' ? '' : `\n    ${more}`}
`;
}

/** A namespace with a gateway in this process that has it as its own. */
export class Stage {
  readonly place = new TestNamespace();
  /** Fields of the section kubernetes, besides the way in, for the next gateway. */
  kubernetes = 'lease: false';
  /** Further sections of its configuration, in YAML. */
  sections = '';
  readonly #folder = mkdtempSync(join(tmpdir(), 'pilotlight-stage-'));
  #gateway: Gateway | null = null;

  private constructor() {
    const kubeconfig = JSON.parse(readFileSync(process.env.KUBECONFIG!, 'utf8'));
    kubeconfig.contexts[0].context.namespace = this.place.name;
    writeFileSync(this.#kubeconfig, JSON.stringify(kubeconfig), { mode: 0o600 });
  }

  /** Resolves when pods can be made in it: their account comes a moment after the namespace. */
  static async open(): Promise<Stage> {
    const stage = new Stage();
    const accounts = () => stage.place.list<{ metadata: { name: string } }>('serviceaccounts');
    await expect.poll(() => accounts().map(({ metadata }) => metadata.name)).toContain('default');
    return stage;
  }

  /** The same for a gateway that finds its models in the cluster; the kind Model is installed. */
  static async openWithDiscovery(): Promise<Stage> {
    mustKubectl(['apply', '--server-side', '--force-conflicts', '-k', 'deploy/crd']);
    const stage = await Stage.open();
    stage.kubernetes = 'lease: false, discovery: { models: true, annotations: true }';
    return stage;
  }

  get #kubeconfig(): string {
    return join(this.#folder, 'kubeconfig');
  }

  get gateway(): Gateway {
    if (this.#gateway === null) throw new Error('no gateway was started');
    return this.#gateway;
  }

  /** Starts the gateway with these models; resolves when it admits requests. */
  async serve(...models: StageModel[]): Promise<void> {
    const section = `kubernetes: { kubeconfig: ${this.#kubeconfig}, ${this.kubernetes} }\n${this.sections}`;
    const yaml = models.length === 0 ? '  {}\n' : models.map(modelYaml).join('');
    this.#gateway = await startGateway(settingsOf(yaml, section));
    const readiness = async () => (await fetch(`${this.gateway.adminUrl}/readyz`)).status;
    await expect.poll(readiness).toBe(200);
  }

  /** Ends the gateway. */
  async quit(): Promise<void> {
    await this.#gateway?.close();
    this.#gateway = null;
  }

  /** Sends a chat request; `more` goes into its body. */
  async ask(model: string, more: object = {}): Promise<Answer> {
    const sentAtMs = performance.now();
    const response = await fetch(`${this.gateway.url}/v1/chat/completions`, chat(model, more));
    const { status, headers } = response;
    const { text, isCut } = await readAll(response);
    const tookMs = performance.now() - sentAtMs;
    const { code = '', message = '' } = status === 200 ? {} : JSON.parse(text).error;
    return { status, code, message, headers, text, isCut, tookMs };
  }

  /** What the admin API says of a model. */
  async view(model: string): Promise<ReturnType<ModelRuntime['snapshot']>> {
    const response = await fetch(`${this.gateway.adminUrl}/api/models/${model}`);
    return (await response.json()) as ReturnType<ModelRuntime['snapshot']>;
  }

  /** Its last start. */
  async lastStart(model: string): Promise<StartRecord | undefined> {
    return (await this.view(model)).lastStarts[0];
  }

  /** The count that a Deployment is asked for. */
  asked(name: string): number {
    return Number(this.place.kubectl(['get', 'deployment', name, '-o', 'jsonpath={.spec.replicas}']));
  }

  /** Ends the gateway and the namespace. */
  async close(): Promise<void> {
    await this.quit();
    this.place.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function readAll({ body }: Response): Promise<Pick<Answer, 'text' | 'isCut'>> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    return { text, isCut: true };
  }
  return { text, isCut: false };
}

/** How many writes of a scale the API server has taken so far, whoever asked: not those that came with an old version. */
export function scaleWrites(): number {
  const metrics = mustKubectl(['get', '--raw', '/metrics']);
  const rows = metrics.match(/^apiserver_request_total\{[^}]*subresource="scale"[^}]*\} \d+$/gm) ?? [];
  const writes = rows.filter((row) => /code="200".*verb="(?:PATCH|PUT|APPLY)"/.test(row));
  return writes.reduce((sum, row) => sum + Number(row.split(' ').at(-1)), 0);
}
