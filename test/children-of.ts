/** Processes that a process started and that run. */
export { childrenOf } from '../src/machine/processor.js';
