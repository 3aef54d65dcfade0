import { parentPort } from 'node:worker_threads';
import { openDesk } from './desk.js';
import type { Ask } from './exchange.js';

/** The journal's thread: answers what comes through the port, one after the other. */
const desk = openDesk();
const port = parentPort;
port?.on('message', (ask: Ask) => port.postMessage(desk.answer(ask)));
