import type { DocumentStore, StoredDocument } from '../core/job-store.ts';

/** What the secrets are kept in and made with. */
export interface WebhookSecretsOptions {
  readonly documents: DocumentStore;
  /** The store's clock, in ms since the epoch. */
  readonly nowMs: () => number;
  /** `count` bytes that nobody can guess. */
  readonly randomBytes: (count: number) => Buffer;
}

interface Secret {
  readonly value: string;
  /** When the next one took its place; null: it is the one in use. */
  readonly replacedAtMs: number | null;
}

const kind = 'webhook_secret';
/** Standard Webhooks: between 24 and 64 bytes. */
const secretBytes = 32;
/** For that long after a rotation the secret before signs too, so that a receiver can change over without a gap. */
export const secretOverlapMs = 24 * 60 * 60_000;

/**
 * The secrets that webhooks are signed with: one for each tenant, made when it is first asked for. They live in the store, so
 * that all gateways that share it sign alike. Methods reject with store_unavailable.
 */
export class WebhookSecrets {
  readonly #options: WebhookSecretsOptions;

  constructor(options: WebhookSecretsOptions) {
    this.#options = options;
  }

  /** What this tenant's webhooks are signed with now, the newest first. */
  async signing(tenant: string): Promise<readonly string[]> {
    const found = secretsOf(await this.#find(tenant));
    const secrets = found.length > 0 ? found : await this.#change(tenant, (before) => this.#first(before));
    const nowMs = this.#options.nowMs();
    return secrets.filter((secret) => isGood(secret, nowMs)).map(({ value }) => value);
  }

  /** The newest one, which receivers verify with. */
  async current(tenant: string): Promise<string> {
    return (await this.signing(tenant))[0]!;
  }

  /** Makes a new one, which it resolves with; that before it signs along for `secretOverlapMs`. */
  async rotate(tenant: string): Promise<string> {
    const secrets = await this.#change(tenant, (before) => this.#next(before));
    return secrets[0]!.value;
  }

  /** Another gateway may have made it meanwhile: then that one is it. */
  #first(before: readonly Secret[]): readonly Secret[] {
    return before.length > 0 ? before : [this.#make()];
  }

  #next(before: readonly Secret[]): readonly Secret[] {
    const nowMs = this.#options.nowMs();
    const kept = before.filter((secret) => isGood(secret, nowMs));
    return [
      this.#make(),
      ...kept.map(({ value, replacedAtMs }) => ({ value, replacedAtMs: replacedAtMs ?? nowMs })),
    ];
  }

  /** Against the version that was read, as often as somebody else writes meanwhile. */
  async #change(tenant: string, change: (before: readonly Secret[]) => readonly Secret[]) {
    for (;;) {
      const found = await this.#find(tenant);
      const secrets = change(secretsOf(found));
      const document = {
        ...{ kind, id: idOf(tenant), tenant, createdAtMs: this.#options.nowMs(), expiresAtMs: null },
        data: { secrets },
      };
      if (await this.#options.documents.put(document, found?.version ?? 0)) return secrets;
    }
  }

  #find(tenant: string): Promise<StoredDocument | null> {
    return this.#options.documents.get(kind, idOf(tenant));
  }

  #make(): Secret {
    const value = `whsec_${this.#options.randomBytes(secretBytes).toString('base64')}`;
    return { value, replacedAtMs: null };
  }
}

function isGood({ replacedAtMs }: Secret, nowMs: number): boolean {
  return replacedAtMs === null || nowMs - replacedAtMs < secretOverlapMs;
}

/** Without keys the tenant is empty, and an id must not be. */
function idOf(tenant: string): string {
  return `of:${tenant}`;
}

function secretsOf(document: StoredDocument | null): readonly Secret[] {
  return (document?.data.secrets ?? []) as readonly Secret[];
}
