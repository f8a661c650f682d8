import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { CountsTable } from './counts-table.ts';
import { DeliveryTable } from './delivery-table.ts';
import { DocumentTable } from './document-table.ts';
import { faultOf } from './fault.ts';
import { JobLists } from './job-lists.ts';
import { JobTable } from './job-table.ts';
import { type Answer, type Operations, type Question, writes } from './messages.ts';
import { openFile, type StoreFile } from './open-file.ts';

/** Answers questions on an open file: those that write share a transaction, so that they share a flush. */
export class Engine {
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #counts: CountsTable;
  readonly #operations: Operations;

  /** Throws as openFile does. */
  constructor(settings: StoreFile) {
    const database = openFile(settings);
    this.#database = database;
    this.#file = settings.file;
    this.#counts = new CountsTable(database);
    this.#operations = operationsOn(database, this.#counts);
  }

  /**
   * Reads first: they see what was told to be committed, and wait for no flush. A write that fails alone takes no other with it:
   * when a transaction of several fails, each is tried by itself.
   */
  answer(questions: readonly Question[], send: (answers: readonly Answer[]) => void): void {
    const reading = questions.filter(({ name }) => !writes.has(name));
    if (reading.length > 0) send(reading.map((question) => this.#read(question)));
    const writing = questions.filter(({ name }) => writes.has(name));
    if (writing.length === 0) return;
    const answers = this.#write(writing);
    if (answers.length === 1 || answers.every((answer) => 'value' in answer)) send(answers);
    else for (const question of writing) send(this.#write([question]));
  }

  /** Brings the log into the file, and lets go of it. */
  close(): void {
    this.#database.close();
  }

  #read(question: Question): Answer {
    try {
      return { number: question.number, value: this.#ask(question) };
    } catch (error) {
      return this.#failed(question, error);
    }
  }

  #write(questions: readonly Question[]): Answer[] {
    try {
      this.#database.exec('begin immediate');
      const answers = questions.map((question) => ({ number: question.number, value: this.#ask(question) }));
      this.#counts.write();
      this.#database.exec('commit');
      return answers;
    } catch (error) {
      this.#counts.forget();
      if (this.#database.isTransaction) this.#database.exec('rollback');
      return questions.map((question) => this.#failed(question, error));
    }
  }

  #ask({ name, args }: Question): unknown {
    const operation = this.#operations[name] as (...args: readonly unknown[]) => unknown;
    return operation(...args);
  }

  #failed({ number }: Question, error: unknown): Answer {
    return { number, fault: faultOf(error, this.#file, dirname(this.#file)) };
  }
}

function operationsOn(database: DatabaseSync, counts: CountsTable): Operations {
  const deliveries = new DeliveryTable(database);
  const jobs = new JobTable(database, counts, deliveries);
  const lists = new JobLists(database);
  const documents = new DocumentTable(database);
  return {
    commit: (changes) => changes.map((change) => jobs.apply(change)),
    takeDeliveries: (nowMs, untilMs, limit) => deliveries.take(nowMs, untilMs, limit),
    settleDelivery: (taken, next) => deliveries.settle(taken, next),
    putDocument: (document, expected) => documents.put(document, expected),
    deleteDocument: (kind, id) => documents.delete(kind, id),
    get: (ids) => lists.get(ids),
    body: (id, part) => lists.body(id, part),
    head: (model, maxRank, limit) => lists.head(model, maxRank, limit),
    due: (nowMs, limit) => lists.due(nowMs, limit),
    nextDueMs: () => lists.nextDueMs(),
    list: (query) => lists.list(query),
    counts: (scope, name) => counts.counts(scope, name),
    backlog: () => counts.backlog(),
    groupMembers: (group, fromIndex, limit) => lists.groupMembers(group, fromIndex, limit),
    events: (id, afterSeq, limit) => lists.events(id, afterSeq, limit),
    nextDeliveryMs: () => deliveries.nextMs(),
    getDocument: (kind, id) => documents.get(kind, id),
    listDocuments: (query) => documents.list(query),
    expiredDocuments: (nowMs, limit) => documents.expired(nowMs, limit),
  };
}
