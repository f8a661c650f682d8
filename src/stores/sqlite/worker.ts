import { dirname } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.ts';
import { faultOf } from './fault.ts';
import type { FromWorker, Question, ToWorker, WorkerSettings } from './messages.ts';

/** Questions that share a flush at most: more of them would wait for each other. */
const groupSize = 1_024;

const port = parentPort!;

function start(settings: WorkerSettings): void {
  const send = (message: FromWorker) => port.postMessage(message);
  let engine: Engine;
  try {
    engine = new Engine(settings);
  } catch (error) {
    send(faultOf(error, settings.file, dirname(settings.file)));
    port.close();
    return;
  }
  port.on('message', (message: ToWorker) => {
    const { questions, isLast } = withWaiting(message);
    engine.answer(questions, send);
    if (!isLast) return;
    engine.close();
    port.close();
  });
  send('opened');
}

/** A message with those that came while the last flush went on. */
function withWaiting(first: ToWorker): { questions: readonly Question[]; isLast: boolean } {
  const questions: Question[] = [];
  let message: ToWorker | undefined = first;
  while (message !== undefined) {
    if (message === 'close') return { questions, isLast: true };
    for (const question of message) questions.push(question);
    if (questions.length >= groupSize) break;
    message = receiveMessageOnPort(port)?.message as ToWorker | undefined;
  }
  return { questions, isLast: false };
}

start(workerData as WorkerSettings);
