/** Units of `grpc-timeout` in milliseconds. */
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds that `grpc-timeout` (at most 8 digits and a unit) gives the whole call; null: it says nothing that counts. */
export function grpcTimeoutMs(value: string | undefined): number | null {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(value ?? '') ?? [];
  return digits === undefined ? null : Number(digits) * unitMs[unit!]!;
}

/** `grpc-timeout` for what is left of it; never 0, which some servers take for none. */
export function grpcTimeout(leftMs: number): string {
  const ms = Math.max(1, Math.floor(leftMs));
  return ms <= 99_999_999 ? `${ms}m` : `${Math.floor(ms / 1000)}S`;
}
