import type { Origin } from '../src/protocol/verdict.js';

/** Of every verdict of station `s` of box `t`, before its model is open. */
export const origin: Origin = {
	box: 't',
	station: 's',
	recipe: 'r',
	boot: null,
	run: 'run',
	model: null,
	threshold: 0.5,
	revision: null,
	isSimulated: false,
};
