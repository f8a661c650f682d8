/** Writes to a client's connection. What is given is copied where it is not gone at once. */
export interface ClientWriter {
  /** latin1; nothing where it is empty. */
  writeText(text: string): void;
  /** `before` (latin1), the bytes from `start` to `end`, and `after`, in one write. Nothing where all are empty. */
  write(before: string, bytes: Buffer, start: number, end: number, after: string): void;
}
